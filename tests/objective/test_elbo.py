"""-E_q[log p(x|z)] + beta KL, and its reported parts."""

import pytest
import torch
from torch.distributions import Independent, Normal

from vaelab.kl.control import KLControl
from vaelab.objective.elbo import ELBO
from vaelab.terms import Terms


def terms(num_samples: int = 3, num_examples: int = 4, num_groups: int = 2) -> Terms:
    log_px, log_pz, log_qz = torch.randn(3, num_samples, num_examples).mul(10).requires_grad_().unbind()
    normal = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    kl = torch.rand(num_examples, num_groups, requires_grad=True)
    return Terms(log_px, log_pz, log_qz, kl, (), normal, normal, torch.zeros(num_examples, 1))


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_is_distortion_plus_beta_times_rate(beta: float) -> None:
    given = terms()
    loss = ELBO(beta)(given, KLControl())
    expected = sum(-given.log_px[:, b].sum() / 3 + beta * given.kl[b].sum() for b in range(4)) / 4
    torch.testing.assert_close(loss.total, expected)


def test_repeating_the_batch_changes_nothing() -> None:
    given, control = terms(), KLControl()
    control.write("free_nats", 0.4)
    twice = Terms(
        *(each.repeat(1, 2) for each in (given.log_px, given.log_pz, given.log_qz)),
        given.kl.repeat(2, 1),
        (),
        given.posterior,
        given.prior,
        given.x.repeat(2, 1),
    )
    once, again = ELBO()(given, control), ELBO()(twice, control)
    torch.testing.assert_close(again.total, once.total)
    torch.testing.assert_close(torch.autograd.grad(again.total, given.kl), torch.autograd.grad(once.total, given.kl))


@pytest.mark.parametrize("field", ["weight", "free_nats", "capacity"])
def test_the_reported_rate_is_free_of_control(field: str) -> None:
    given, control = terms(), KLControl()
    free = ELBO(beta=2.0)(given, control)
    control.write(field, 5.0)
    controlled = ELBO(beta=2.0)(given, control)
    assert controlled.total != free.total
    assert controlled.parts == free.parts
    torch.testing.assert_close(free.parts["rate"], given.kl.sum(1).mean())
    torch.testing.assert_close(free.parts["distortion"], -given.log_px.mean())


def test_supports_every_field_while_it_has_a_rate() -> None:
    assert ELBO(beta=0.5).supported_controls == {name for name, _ in KLControl().named_buffers()}
    assert ELBO(beta=0.0).supported_controls == frozenset()


def test_penalties_are_added_per_example_and_reported() -> None:
    given = terms()
    given.penalties["commitment"] = torch.arange(4.0)
    loss = ELBO()(given, KLControl())
    assert loss.parts["commitment"] == 1.5
    torch.testing.assert_close(loss.total, loss.parts["distortion"] + loss.parts["rate"] + 1.5)
