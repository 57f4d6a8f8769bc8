"""Laws that each conf/objective/*.yaml obeys, found by listing the folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from scored import scored, wrong
from torch import Tensor, nn

from vaelab.config import build
from vaelab.kl.control import KLControl
from vaelab.objective.mmd import MMD
from vaelab.protocol import Objective
from vaelab.terms import Loss, Terms

CONF = Path(__file__).parents[2] / "conf" / "objective"
NAMES = sorted(file.stem for file in CONF.glob("[!_]*.yaml"))
CONTROLLED = {"weight": 0.3, "free_nats": 5.0, "capacity": 5.0}

every_objective = pytest.mark.parametrize("name", NAMES)


def objective_of(name: str) -> Objective:
    return build(OmegaConf.load(CONF / f"{name}.yaml"))


def given(objective: Objective, order: Callable[[Tensor], Tensor] = lambda rows: rows) -> tuple[Terms, list[Tensor]]:
    """Terms of six examples in some order, and what they may be differentiated by."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, 8, generator=generator)
    noise = torch.randn(objective.num_samples, 6, 2, generator=generator)
    shift, widening = nn.Parameter(torch.tensor(0.7)), nn.Parameter(torch.tensor(1.4))
    latent = wrong(shift, widening)
    return scored(latent, order(x), order(noise.transpose(0, 1)).transpose(0, 1)), [shift, widening]


def loss_of(objective: Objective, terms: Terms, **controls: float) -> Loss:
    """The loss under the given controls, its own randomness the same each time."""
    control = KLControl()
    for field, value in controls.items():
        control.write(field, value)
    torch.manual_seed(0)
    return objective(terms, control)


@every_objective
def test_is_finite_and_has_a_gradient_for_the_posterior(name: str) -> None:
    objective = objective_of(name)
    terms, parameters = given(objective)
    total = loss_of(objective, terms).total
    assert total.shape == ()
    assert total.isfinite()
    for slope in torch.autograd.grad(total, parameters):
        assert slope.isfinite()
        assert slope != 0


@every_objective
def test_reports_distortion_and_rate_without_any_control(name: str) -> None:
    objective = objective_of(name)
    terms, _ = given(objective)
    parts = loss_of(objective, terms, **dict.fromkeys(objective.supported_controls, 0.5)).parts
    torch.testing.assert_close(parts["distortion"], -terms.log_px.mean())
    torch.testing.assert_close(parts["rate"], terms.kl.sum(1).mean())
    assert all(part.shape == () and part.isfinite() for part in parts.values())


@every_objective
@pytest.mark.parametrize("field", CONTROLLED)
def test_supports_only_its_supported_controls(field: str, name: str) -> None:
    objective = objective_of(name)
    terms, _ = given(objective)
    free = loss_of(objective, terms).total
    controlled = loss_of(objective, terms, **{field: CONTROLLED[field]}).total
    assert (controlled != free) == (field in objective.supported_controls)


@every_objective
def test_penalties_are_added_and_reported(name: str) -> None:
    objective = objective_of(name)
    terms, _ = given(objective)
    before = loss_of(objective, terms).total
    terms.penalties["commitment"] = torch.arange(6.0)
    loss = loss_of(objective, terms)
    assert loss.parts["commitment"] == 2.5
    torch.testing.assert_close(loss.total, before + 2.5)


@every_objective
def test_the_order_of_examples_does_not_matter(name: str) -> None:
    same_gradient(objective_of(name), lambda rows: rows.flip(0))


@every_objective
def test_repeating_the_batch_changes_nothing(name: str) -> None:
    objective = objective_of(name)
    if isinstance(objective, MMD):
        pytest.skip("unbiased over pairs that differ, which repeated examples do not")
    same_gradient(objective, lambda rows: torch.cat([rows, rows]))


def same_gradient(objective: Objective, order: Callable[[Tensor], Tensor]) -> None:
    """The loss and its gradient are the same for the batch and for its permutation by `order`."""
    (terms, parameters), (others, again) = given(objective), given(objective, order)
    once, twice = loss_of(objective, terms).total, loss_of(objective, others).total
    torch.testing.assert_close(twice, once)
    slopes = (torch.autograd.grad(loss, of) for loss, of in ((twice, again), (once, parameters)))
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)
