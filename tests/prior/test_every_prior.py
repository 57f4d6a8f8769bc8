"""Laws that each conf/prior/*.yaml over vectors obeys, found by listing the folder."""

from functools import partial
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from quadrature import integral
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaelab.distribution.operations import with_temperature
from vaelab.posterior.diagonal_gaussian import DiagonalGaussian

# Priors over codes of a codebook and over what another model has encoded: they have tests of their own.
ELSEWHERE = {"pixelcnn", "uniform_codes", "latent_vae"}
FILES = [
    file for file in sorted((Path(__file__).parents[2] / "conf" / "prior").glob("*.yaml")) if file.stem not in ELSEWHERE
]
SMALL = {"mixture": {"num_components": 4}, "vamp": {"num_components": 4}}  # values in place of the yaml's
CONDITIONAL = {"label_normal": {}, "flow": {"condition_size": 3}}  # priors that may see the label, and how

every_prior = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


class Infer(nn.Module):
    """q(z | x, y) of the shape that a prior made of posteriors asks for."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.posterior = DiagonalGaussian(4, latent_dim)

    def infer(self, x: Tensor, y: Tensor | None) -> Independent:
        assert y is not None
        assert y.max() < 3
        return self.posterior(x.flatten(1))


def build(file: Path, latent_dim: int = 2, **values: object) -> nn.Module:
    given = {"latent_dim": latent_dim, "data": {"shape": [1, 2, 2], "num_classes": 3}, "it": OmegaConf.load(file)}
    config = OmegaConf.merge(given, {"it": SMALL.get(file.stem, {}) | values})
    prior = instantiate(config.it, _convert_="all")
    return prior(infer=Infer(latent_dim).infer) if isinstance(prior, partial) else prior


def labels(num: int) -> Tensor:
    return torch.eye(3)[torch.arange(num) % 3]


def moved(prior: nn.Module) -> nn.Module:
    """With parameters that are not those it begins with."""
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return prior


def some(file: Path, latent_dim: int = 2) -> list[Distribution]:
    """p(z | y) for three labels, as the yaml says and, where that is another, with the label in use."""
    variants = [{}, *([CONDITIONAL[file.stem]] if CONDITIONAL.get(file.stem) else [])]
    return [moved(build(file, latent_dim, **values))(labels(3)) for values in variants]


@every_prior
def test_is_a_distribution_of_the_whole_latent(file: Path) -> None:
    for num in (3, 0):
        p = build(file)(labels(num))
        assert len(p.event_shape) == 1
        assert p.batch_shape in {(), (num,)}
        z = torch.ones(2, num, *p.event_shape) / p.event_shape[0] ** 0.5
        assert p.log_prob(z).shape == (2, num)


@every_prior
def test_integrates_to_one(file: Path) -> None:
    for p in some(file):
        total = integral(p)
        torch.testing.assert_close(total, torch.ones_like(total), atol=2e-3, rtol=0)


@every_prior
def test_samples_follow_the_density(file: Path) -> None:
    for p in some(file):
        z = p.sample(torch.Size([20_000]))
        for of in (lambda z: z, torch.square):
            error = 5 * of(z).std(0) / len(z) ** 0.5 + 2e-3
            assert ((of(z).mean(0) - integral(p, of)).abs() <= error).all()


@every_prior
def test_every_parameter_gets_a_gradient(file: Path) -> None:
    for values in ({}, CONDITIONAL.get(file.stem, {})):
        prior = build(file, 3, **values)
        if not list(prior.parameters()):
            pytest.skip("nothing to learn")
        p = prior(labels(6))
        p.log_prob(p.sample(torch.Size([5] if p.batch_shape else [5, 6])) + 0.1).sum().backward()
        for parameter in prior.parameters():
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()
            assert (parameter.grad != 0).any()


@every_prior
def test_a_conditional_prior_differs_between_classes(file: Path) -> None:
    *_, p = some(file)
    log_pz = p.log_prob(torch.full(p.event_shape, 0.3).expand(3, -1))
    assert (len(log_pz.unique()) == 3) == (file.stem in CONDITIONAL)


@every_prior
def test_half_the_temperature_is_narrower_around_the_same_center(file: Path) -> None:
    if file.stem in {"uniform_sphere", "uniform_categorical"}:
        pytest.skip("what is uniform has no width")
    p = some(file)[0]
    z, cool = (d.sample(torch.Size([4000])).flatten(0, -2) for d in (p, with_temperature(p, 0.5)))
    assert (cool[:, :2].var(0) < z[:, :2].var(0)).all()
    assert with_temperature(p, 0.5).batch_shape == p.batch_shape


@every_prior
def test_densities_are_float32_under_mixed_precision(file: Path) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        p = build(file)(labels(3))
        z = p.sample(torch.Size([4] if p.batch_shape else [4, 3]))
        log_pz = p.log_prob(z)
    assert z.dtype == log_pz.dtype == torch.float32
    torch.testing.assert_close(log_pz, p.log_prob(z).detach(), atol=1e-3, rtol=1e-4)
