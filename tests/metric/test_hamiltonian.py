"""Hamiltonian Monte Carlo: reversible, and leaves the density invariant."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from vaelab.metric.hamiltonian import TARGET, State, adapt_step_size, initial_state, leapfrog, transition

COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.5]])
TARGETED = MultivariateNormal(torch.tensor([1.0, -2.0]), COVARIANCE, validate_args=False)  # z may become NaN
WEIGHT = torch.tensor([0.5, 0.5])


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    """As measures are called."""
    with torch.no_grad():
        yield


def terms(z: Tensor) -> tuple[Tensor, Tensor]:
    """Two parts that make the target where each counts half."""
    return 2 * TARGETED.log_prob(z) - z.sin().sum(-1), z.sin().sum(-1)


def test_a_state_has_density_and_gradient() -> None:
    z = torch.randn(3, 4, 2)
    place = initial_state(terms, z)
    torch.testing.assert_close(place.log_density(WEIGHT), TARGETED.log_prob(z))
    expected = -(z - TARGETED.loc) @ torch.linalg.inv(COVARIANCE)
    torch.testing.assert_close(place.slope(WEIGHT), expected, rtol=1e-4, atol=1e-5)
    assert not place.z.requires_grad
    assert not place.terms.requires_grad


def test_parameters_get_no_gradient() -> None:
    network = nn.Linear(2, 1)
    initial_state(lambda z: [network(z).squeeze(-1)], torch.randn(5, 2))
    assert network.weight.grad is None
    assert not torch.is_grad_enabled()


def test_leapfrog_is_reversible() -> None:
    start, momentum, size = initial_state(terms, torch.randn(7, 2)), torch.randn(7, 2), torch.rand(7) / 2
    end, final = leapfrog(terms, WEIGHT, start, momentum, size, 10)
    assert (end.z - start.z).abs().mean() > 0.5
    back, turned = leapfrog(terms, WEIGHT, end, -final, size, 10)
    torch.testing.assert_close(back.z, start.z, atol=1e-4, rtol=0)
    torch.testing.assert_close(-turned, momentum, atol=1e-4, rtol=0)


def test_small_steps_conserve_energy() -> None:
    def energy(place: State, momentum: Tensor) -> Tensor:
        return momentum.square().sum(-1) / 2 - place.log_density(WEIGHT)

    start, momentum = initial_state(terms, torch.randn(7, 2)), torch.randn(7, 2)
    changes = []
    for num_steps in (20, 40):
        size = torch.full((7,), 1 / num_steps)
        changes.append(energy(*leapfrog(terms, WEIGHT, start, momentum, size, num_steps)) - energy(start, momentum))
    # The error of one time unit falls with the square of the step.
    ratio = changes[0].abs().mean() / changes[1].abs().mean()
    assert ratio == pytest.approx(4, rel=0.3)


@pytest.mark.parametrize("step_size", [0.2, 0.5])
def test_a_transition_leaves_the_density_invariant(step_size: float) -> None:
    place = initial_state(terms, TARGETED.sample((20_000,)))
    size = torch.full((20_000,), step_size)
    for _ in range(5):
        before = place.z
        place, acceptance = transition(terms, WEIGHT, place, size, 3)
    assert 0.2 < acceptance.mean() < 0.999  # so that the correction has something to do
    assert (place.z - before).abs().mean() > 0.1
    torch.testing.assert_close(place.z.mean(0), TARGETED.loc, atol=0.03, rtol=0)
    torch.testing.assert_close(place.z.T.cov(), COVARIANCE, atol=0.03, rtol=0)


def test_a_diverging_trajectory_is_rejected() -> None:
    start = initial_state(terms, TARGETED.sample((50,)))
    place, acceptance = transition(terms, WEIGHT, start, torch.full((50,), 1e25), 5)
    assert torch.equal(place.z, start.z)
    assert torch.equal(acceptance, torch.zeros(50))
    assert place.slopes.isfinite().all()


def test_step_sizes_adapt_towards_the_target() -> None:
    place, size = initial_state(terms, TARGETED.sample((500,))), torch.full((500,), 0.01)
    rates = []
    for _ in range(200):
        place, acceptance = transition(terms, WEIGHT, place, size, 5)
        size = adapt_step_size(size, acceptance)
        rates.append(acceptance.mean())
    assert torch.stack(rates[-50:]).mean().item() == pytest.approx(TARGET, abs=0.05)
