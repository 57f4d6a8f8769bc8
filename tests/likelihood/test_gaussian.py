"""Normalizers against torch.distributions, and the laws of the optimal scale."""

import math

import pytest
import torch
from torch import Tensor, multiprocessing
from torch.distributions import Laplace, Normal
from two_scorers import score_on_one_of_two

from vaelab.likelihood.gaussian import FixedGaussian, LearnedGaussian, OptimalGaussian, PredictedGaussian
from vaelab.likelihood.laplace import FixedLaplace, PredictedLaplace

SHAPE = (2, 3, 3)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def loc() -> Tensor:
    return torch.randn(4, 1, *SHAPE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
@pytest.mark.parametrize(("likelihood", "oracle"), [(FixedGaussian, Normal), (FixedLaplace, Laplace)])
def test_fixed_scale_keeps_its_normalizer(likelihood, oracle, scale: float, x: Tensor, loc: Tensor) -> None:
    expected = oracle(loc[:, 0], scale).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(likelihood(SHAPE, scale)(loc).log_prob(x), expected)


@pytest.mark.parametrize(("likelihood", "oracle"), [(PredictedGaussian, Normal), (PredictedLaplace, Laplace)])
def test_predicted_scale_keeps_its_normalizer(likelihood, oracle, x: Tensor, loc: Tensor) -> None:
    parameters = torch.cat([loc, torch.full_like(loc, 0.5)], 1)
    scale = math.exp(7 * math.tanh(0.5 / 7))
    expected = oracle(loc[:, 0], scale).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(likelihood(SHAPE)(parameters).log_prob(x), expected)


def test_learned_scale_moves_to_the_error(x: Tensor, loc: Tensor) -> None:
    likelihood = LearnedGaussian(SHAPE)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (-likelihood(loc).log_prob(x).mean()).backward()
        optimizer.step()
    torch.testing.assert_close(likelihood(loc).base_dist.scale.mean(), root_mean_square(x, loc), rtol=1e-3, atol=0)


def root_mean_square(x: Tensor, loc: Tensor) -> Tensor:
    return (x - loc[:, 0]).square().mean().sqrt()


def test_optimal_scale_is_the_batch_error_and_no_other_is_better(x: Tensor, loc: Tensor) -> None:
    scale = root_mean_square(x, loc)
    value = OptimalGaussian(SHAPE)(loc).log_prob(x)
    torch.testing.assert_close(value, Normal(loc[:, 0], scale).log_prob(x).sum((1, 2, 3)))
    for factor in (0.9, 1.1):
        assert Normal(loc[:, 0], factor * scale).log_prob(x).sum() < value.sum()


def test_optimal_scale_covers_importance_samples(x: Tensor) -> None:
    loc = torch.randn(5, 4, 1, *SHAPE)
    likelihood = OptimalGaussian(SHAPE)
    assert likelihood(loc).log_prob(x).shape == (5, 4)
    torch.testing.assert_close(likelihood.variance, (x - loc[:, :, 0]).square().mean())


def test_optimal_gradient_is_that_of_the_log_error(x: Tensor, loc: Tensor) -> None:
    """With s at its optimum, -log p is N/2 log(mean squared error) plus a constant, in value and gradient."""
    loc.requires_grad_()
    (gradient,) = torch.autograd.grad(-OptimalGaussian(SHAPE)(loc).log_prob(x).sum(), loc)
    (expected,) = torch.autograd.grad(x.numel() * root_mean_square(x, loc).log(), loc)
    torch.testing.assert_close(gradient, expected)


def test_optimal_gradient_is_the_same_when_the_batch_is_repeated(x: Tensor, loc: Tensor) -> None:
    def gradient(times: int) -> Tensor:
        shift = torch.zeros((), requires_grad=True)
        parameters = loc.repeat(times, 1, 1, 1, 1) + shift
        OptimalGaussian(SHAPE)(parameters).log_prob(x.repeat(times, 1, 1, 1)).mean().backward()
        assert shift.grad is not None
        return shift.grad

    torch.testing.assert_close(gradient(1), gradient(3))


def test_optimal_evaluation_ignores_other_examples_and_changes_nothing(x: Tensor, loc: Tensor) -> None:
    likelihood = OptimalGaussian(SHAPE)
    likelihood(loc).log_prob(2 * x)
    before = {name: value.clone() for name, value in likelihood.state_dict().items()}
    likelihood.eval()
    together = likelihood(loc).log_prob(x)
    alone = torch.cat([likelihood(loc[i : i + 1]).log_prob(x[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone)
    assert before.keys() == {"variance", "num_updates"}
    assert all(torch.equal(before[name], value) for name, value in likelihood.state_dict().items())


def test_optimal_average_starts_as_a_mean_and_then_decays() -> None:
    likelihood = OptimalGaussian((1,), decay=0.9)
    for error in (1.0, 3.0):
        likelihood(torch.zeros(2, 1, 1)).log_prob(torch.full((2, 1), error))
    torch.testing.assert_close(likelihood.variance, torch.tensor(5.0))
    for _ in range(200):
        likelihood(torch.zeros(2, 1, 1)).log_prob(torch.full((2, 1), 2.0))
    torch.testing.assert_close(likelihood.variance, torch.tensor(4.0))


def test_optimal_scale_stays_above_its_floor(loc: Tensor) -> None:
    value = OptimalGaussian(SHAPE, min_scale=0.01)(loc).log_prob(loc[:, 0])
    torch.testing.assert_close(value, Normal(0.0, 0.01).log_prob(torch.zeros(4, 18)).sum(1))


def test_optimal_scale_is_one_for_all_processes(tmp_path) -> None:
    multiprocessing.spawn(score_on_one_of_two, (str(tmp_path / "meeting"),), nprocs=2)
