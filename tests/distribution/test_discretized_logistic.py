import pytest
import torch
from torch import Tensor

from vaelab.distribution.discretized_logistic import DiscretizedLogisticMixture

LEVELS = [2, 32, 256]


def random_mixture(num_levels: int, num_mixtures: int, spread: float, seed: int = 0) -> DiscretizedLogisticMixture:
    generator = torch.Generator().manual_seed(seed)
    logits, loc, log_scale = torch.randn(3, 50, num_mixtures, generator=generator)
    return DiscretizedLogisticMixture(logits, 0.5 + spread * loc, -2 + log_scale * spread, num_levels)


def levels(num_levels: int) -> Tensor:
    return torch.arange(num_levels).unsqueeze(1) / (num_levels - 1)


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("num_mixtures", [1, 5])
@pytest.mark.parametrize("num_levels", LEVELS)
def test_levels_sum_to_one(num_levels: int, num_mixtures: int, spread: float) -> None:
    log_prob = random_mixture(num_levels, num_mixtures, spread).log_prob(levels(num_levels))
    torch.testing.assert_close(log_prob.exp().sum(0), torch.ones(50), atol=1e-5, rtol=0)


@pytest.mark.parametrize("num_levels", LEVELS)
def test_a_level_is_a_difference_of_cdfs(num_levels: int) -> None:
    mixture = random_mixture(num_levels, 3, 0.5)
    x = levels(num_levels).double().unsqueeze(-1)
    half, loc, scale = 0.5 / (num_levels - 1), mixture.loc.double(), mixture.log_scale.double().exp()
    upper = torch.where(x > 1 - half, 1.0, ((x + half - loc) / scale).sigmoid())
    lower = torch.where(x < half, 0.0, ((x - half - loc) / scale).sigmoid())
    expected = (mixture.logits.double().softmax(-1) * (upper - lower)).sum(-1).log()
    torch.testing.assert_close(mixture.log_prob(levels(num_levels)).double(), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("num_levels", LEVELS)
def test_mean_is_within_half_a_level_of_the_sum(num_levels: int) -> None:
    mixture = random_mixture(num_levels, 3, 1.0)
    exact = (levels(num_levels) * mixture.log_prob(levels(num_levels)).exp()).sum(0)
    assert (mixture.mean - exact).abs().max() <= 0.5 / (num_levels - 1)


def test_mean_is_the_sum_where_scales_exceed_a_level() -> None:
    mixture = random_mixture(256, 3, 0.5)
    exact = (levels(256) * mixture.log_prob(levels(256)).exp()).sum(0)
    torch.testing.assert_close(mixture.mean, exact, atol=2e-5, rtol=0)


@pytest.mark.parametrize("loc", [-50.0, 0.5, 50.0])
@pytest.mark.parametrize("log_scale", [-8.0, 0.0, 4.0])
def test_tails_keep_their_gradient(loc: float, log_scale: float) -> None:
    parameters = torch.tensor([[0.0], [loc], [log_scale]], requires_grad=True)
    log_prob = DiscretizedLogisticMixture(*parameters, num_levels=256).log_prob(levels(256)[1:-1, 0])
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert parameters.grad is not None
    assert parameters.grad.isfinite().all()
    assert parameters.grad[1:].abs().max() > 0


def test_samples_follow_the_probabilities() -> None:
    torch.manual_seed(0)
    mixture = random_mixture(8, 3, 0.5)
    counts = (mixture.sample((20_000,)) == levels(8).unsqueeze(1)).float().mean(1)  # [levels, 50]
    torch.testing.assert_close(counts, mixture.log_prob(levels(8)).exp(), atol=0.02, rtol=0)


def test_validation_rejects_values_between_levels() -> None:
    mixture = DiscretizedLogisticMixture(*torch.zeros(3, 4, 2), num_levels=256, validate_args=True)
    assert mixture.log_prob(torch.tensor([0.0, 1 / 255, 254 / 255, 1.0])).isfinite().all()
    with pytest.raises(ValueError, match="within the support"):
        mixture.log_prob(torch.full((4,), 1.5 / 255))
