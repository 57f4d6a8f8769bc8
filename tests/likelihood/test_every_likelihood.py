"""Laws that each conf/likelihood/*.yaml obeys."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor
from torch.distributions import constraints

from vaelab.distribution.discretized_logistic import GreyLevels
from vaelab.likelihood.likelihood import Likelihood

FILES = sorted((Path(__file__).parents[2] / "conf" / "likelihood").glob("*.yaml"))
SHAPES = [(1, 3, 2), (3, 2, 2), (5,)]

every_likelihood = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def build(file: Path, shape: Sequence[int]) -> Likelihood:
    config = OmegaConf.create({"data": {"shape": list(shape)}, "likelihood": OmegaConf.load(file)})
    return instantiate(config.likelihood).eval()


def random_parameters(likelihood: Likelihood, *batch: int) -> Tensor:
    return torch.randn(*batch, likelihood.num_parameters, *likelihood.shape)


def points_and_weights(likelihood: Likelihood) -> tuple[Tensor, Tensor | float]:
    """Where to evaluate p(x) of one pixel, and what each value counts in its sum or integral."""
    if isinstance(likelihood.support, GreyLevels):
        return torch.arange(likelihood.support.num_levels) / (likelihood.support.num_levels - 1), 1.0
    if not likelihood.is_density(torch.tensor([0.5])):
        return torch.tensor([0.0, 1.0]), 1.0
    low, high = (0, 1) if likelihood.support is constraints.unit_interval else (-60, 60)
    points = torch.linspace(low, high, 100_001)
    weights = torch.full_like(points, (high - low) / 100_000).double()
    weights[[0, -1]] /= 2
    return points, weights


@every_likelihood
def test_sums_or_integrates_to_one(file: Path) -> None:
    likelihood = build(file, (1,))
    points, weights = points_and_weights(likelihood)
    log_prob = likelihood(random_parameters(likelihood, 5)).log_prob(points.view(-1, 1, 1))  # [points, 5]
    total = (log_prob.double().exp().T * weights).sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), atol=2e-5, rtol=0)


@every_likelihood
@every_shape
def test_one_number_per_sample_and_example(file: Path, shape: tuple[int, ...]) -> None:
    likelihood = build(file, shape)
    distribution = likelihood(random_parameters(likelihood, 4, 3))
    x = distribution.sample()[0]
    log_prob = distribution.log_prob(x)
    assert distribution.batch_shape == (4, 3)
    assert distribution.event_shape == shape
    assert distribution.mean.shape == (4, 3, *shape)
    assert x.shape == (3, *shape)
    assert log_prob.shape == (4, 3)
    assert log_prob.dtype == torch.float32


@every_likelihood
def test_is_summed_over_pixels(file: Path) -> None:
    whole, one = build(file, (2, 3)), build(file, (1, 1))
    parameters = random_parameters(whole, 4)
    x = whole(parameters).sample()
    pixels = [
        one(parameters[..., i : i + 1, j : j + 1]).log_prob(x[..., i : i + 1, j : j + 1])
        for i in range(2)
        for j in range(3)
    ]
    torch.testing.assert_close(whole(parameters).log_prob(x), torch.stack(pixels).sum(0))


@every_likelihood
def test_samples_lie_in_the_support_and_average_to_the_mean(file: Path) -> None:
    likelihood = build(file, (1, 2, 2))
    distribution = likelihood(random_parameters(likelihood, 2))
    samples = distribution.sample((20_000,))
    error = 5 * samples.std(0) / 20_000**0.5
    assert likelihood.accepts(samples)
    assert likelihood.is_density(samples)
    # The mean of grey levels is that of a continuous grey, at most half a level away.
    assert ((samples.mean(0) - distribution.mean).abs() <= error + 0.5 / 255).all()


@every_likelihood
@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_gets_a_gradient(file: Path, training: bool) -> None:
    likelihood = build(file, (1, 2, 2)).train(training)
    parameters = random_parameters(likelihood, 3).requires_grad_()
    distribution = likelihood(parameters)
    distribution.log_prob(distribution.sample()).sum().backward()
    for leaf in (parameters, *likelihood.parameters()):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
        assert (leaf.grad != 0).all()


@every_likelihood
@pytest.mark.parametrize("training", [True, False])
def test_extreme_parameters_stay_finite(file: Path, training: bool) -> None:
    likelihood = build(file, (1, 4, 4)).train(training)
    x = likelihood(random_parameters(likelihood, 8)).sample()
    parameters = (100.0 * random_parameters(likelihood, 8).sign() / 2).requires_grad_()
    with torch.no_grad():
        for parameter in likelihood.parameters():
            parameter.fill_(50)
    distribution = likelihood(parameters)
    log_prob = distribution.log_prob(x)
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert parameters.grad is not None
    assert parameters.grad.isfinite().all()
    assert distribution.mean.isfinite().all()
    assert likelihood.accepts(distribution.sample())


@every_likelihood
def test_is_float32_under_mixed_precision(file: Path) -> None:
    likelihood = build(file, (1, 8, 8))
    decoder = torch.nn.Linear(4, likelihood.num_parameters * 64)
    z = torch.randn(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        parameters = decoder(z).view(3, likelihood.num_parameters, 1, 8, 8)
        distribution = likelihood(parameters)
        x = distribution.sample()
        log_prob = distribution.log_prob(x)
    assert parameters.dtype == torch.bfloat16
    assert log_prob.dtype == x.dtype == torch.float32
    exact = likelihood(parameters.float()).log_prob(x)
    torch.testing.assert_close(log_prob, exact, atol=0, rtol=0)


@every_likelihood
def test_rejects_x_outside_the_support(file: Path) -> None:
    likelihood = build(file, (2,))
    assert likelihood.support_text
    assert likelihood.accepts(torch.tensor([0.0, 1.0]))
    for outside in (float("nan"), float("inf")):
        assert not likelihood.accepts(torch.tensor([0.0, outside]))
        assert not likelihood.is_density(torch.tensor([0.0, outside]))
    if "[0, 1]" in likelihood.support_text:
        assert not likelihood.accepts(torch.tensor([0.0, 255.0]))
        assert not likelihood.accepts(torch.tensor([0.0, -0.5]))
