"""The Renyi bound between its special cases."""

from itertools import pairwise

import pytest
import torch
from scored import scored, wrong

from vaelab.kl.control import KLControl
from vaelab.metric.bounds import importance_weighted_bound
from vaelab.objective.renyi import Renyi, renyi_bound


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.5, 0.9, 2.0])
def test_is_the_logarithm_of_the_mean_power(alpha: float) -> None:
    log_weight = torch.randn(7, 5, dtype=torch.float64)
    expected = log_weight.exp().pow(1 - alpha).mean(0).log() / (1 - alpha)
    torch.testing.assert_close(renyi_bound(log_weight, alpha), expected)


def test_contains_the_importance_weighted_bound_and_the_elbo() -> None:
    log_weight = 3 * torch.randn(7, 5) - 800
    torch.testing.assert_close(renyi_bound(log_weight, 0.0), importance_weighted_bound(log_weight))
    torch.testing.assert_close(renyi_bound(log_weight, 1.0), log_weight.mean(0))


@pytest.mark.parametrize("near", [1e-3, -1e-3, 1e-5, -1e-5])
def test_approaches_the_elbo_in_float32_too(near: float) -> None:
    log_weight = 3 * torch.randn(7, 5) - 800
    difference = renyi_bound(log_weight, 1 - near) - log_weight.mean(0)
    assert difference.abs().max() < 0.03


def test_decreases_in_alpha() -> None:
    log_weight = torch.randn(7, 5)
    bounds = [renyi_bound(log_weight, alpha) for alpha in (-2.0, 0.0, 0.5, 0.99, 1.0, 1.01, 3.0)]
    assert all((left > right).all() for left, right in pairwise(bounds))


def test_the_objective_is_minus_its_mean() -> None:
    given, control = scored(wrong(), torch.randn(6, 8), torch.randn(5, 6, 2)), KLControl()
    control.write("weight", 0.3)
    objective = Renyi(alpha=0.5, num_samples=5)
    log_weight = given.log_px + 0.3 * (given.log_pz - given.log_qz)
    torch.testing.assert_close(objective(given, control).total, -renyi_bound(log_weight, 0.5).mean())
    assert objective.num_samples == 5
