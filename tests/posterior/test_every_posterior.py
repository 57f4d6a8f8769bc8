"""Laws that each conf/posterior/*.yaml obeys, found by listing the folder."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from quadrature import integral
from torch import nn
from torch.distributions import Distribution

from vaelab.distribution.operations import center, kl_per_dimension, rsample_and_log_prob
from vaelab.distribution.point import Point

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted((CONF / "posterior").glob("*.yaml"))
# The prior over the same space, where it is not the Gaussian: against it the KL is closed.
PRIORS = {
    "von_mises_fisher": "uniform_sphere",
    "gumbel_softmax": "uniform_categorical",
    "joint": "joint",
}
FLOWS = {"iaf", "maf", "nsf", "planar", "radial"}  # their KL has no closed form

every_posterior = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def build(file: Path, latent_dim: int = 2, num_features: int = 5) -> nn.Module:
    config = OmegaConf.create({"latent_dim": latent_dim, "it": OmegaConf.load(file)})
    return instantiate(config.it, _convert_="all")(num_features=num_features)


def prior_of(file: Path, latent_dim: int = 2) -> Distribution:
    stem = PRIORS.get(file.stem, "standard_normal")
    config = OmegaConf.create({"latent_dim": latent_dim, "it": OmegaConf.load(CONF / "prior" / f"{stem}.yaml")})
    return instantiate(config.it)(torch.zeros(3, 0))


def some(file: Path, latent_dim: int = 2) -> Distribution:
    """q for three examples, as evaluation has it; skips what has no density."""
    q = build(file, latent_dim).eval()(0.5 * torch.randn(3, 5))
    if isinstance(q, Point):
        pytest.skip("a point has no density")
    return q


@every_posterior
def test_is_one_distribution_per_example_of_its_size(file: Path) -> None:
    posterior = build(file, latent_dim=3)
    for num in (4, 0):
        q = posterior(torch.randn(num, 5))
        z, log_qz = rsample_and_log_prob(q, torch.Size([2]))
        assert q.batch_shape == (num,)
        assert q.event_shape == (posterior.size,)
        assert z.shape == (2, num, posterior.size)
        assert log_qz.shape == q.log_prob(z).shape == (2, num)
        assert center(q).shape == (num, posterior.size)


@every_posterior
def test_integrates_to_one(file: Path) -> None:
    total = integral(some(file))
    torch.testing.assert_close(total, torch.ones_like(total), atol=2e-3, rtol=0)


@every_posterior
@pytest.mark.parametrize("latent_dim", [2, 5])
def test_returns_the_density_of_its_samples(file: Path, latent_dim: int) -> None:
    q = some(file, latent_dim)
    z, log_qz = rsample_and_log_prob(q, torch.Size([20]))
    torch.testing.assert_close(q.log_prob(z), log_qz, atol=2e-4, rtol=1e-4)


@every_posterior
def test_samples_follow_the_density(file: Path) -> None:
    q = some(file)
    z = q.sample(torch.Size([20_000]))
    for of in (lambda z: z, torch.square):
        error = 5 * of(z).std(0) / len(z) ** 0.5 + 2e-3
        assert ((of(z).mean(0) - integral(q, of)).abs() <= error).all()


@every_posterior
def test_its_mean_is_the_mean(file: Path) -> None:
    q = some(file)
    if file.stem in FLOWS:
        with pytest.raises(NotImplementedError):
            _ = q.mean
    else:
        torch.testing.assert_close(q.mean.double(), integral(q, lambda z: z), atol=2e-3, rtol=0)


@every_posterior
def test_its_center_is_a_latent(file: Path) -> None:
    q = some(file)
    assert q.log_prob(center(q)).isfinite().all()


@every_posterior
def test_the_closed_divergence_from_the_prior_is_the_monte_carlo_mean(file: Path) -> None:
    q, p = some(file, 3), prior_of(file, 3)
    kl = kl_per_dimension(q, p)
    if file.stem in FLOWS:
        assert kl is None
        return
    z = q.sample(torch.Size([40_000]))
    log_ratio = q.log_prob(z) - p.log_prob(z)
    error = 5 * log_ratio.std(0) / len(z) ** 0.5 + 1e-4
    assert ((log_ratio.mean(0) - kl.sum(-1)).abs() <= error).all()


@every_posterior
@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_gets_a_gradient(file: Path, training: bool) -> None:
    posterior = build(file, latent_dim=3).train(training)
    z, log_qz = rsample_and_log_prob(posterior(torch.randn(8, 5)), torch.Size([2]))
    (z.square().sum() + log_qz.sum()).backward()
    for parameter in posterior.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert (parameter.grad != 0).any()


@every_posterior
def test_densities_are_float32_under_mixed_precision(file: Path) -> None:
    body, posterior = nn.Linear(4, 5), build(file, latent_dim=3).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        features = body(torch.randn(6, 4))
        q = posterior(features)
        z, log_qz = rsample_and_log_prob(q, torch.Size([5]))
        again = q.log_prob(z)
    assert features.dtype == torch.bfloat16
    assert z.dtype == log_qz.dtype == again.dtype == torch.float32
    if not isinstance(q, Point):
        torch.testing.assert_close(log_qz, again, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(log_qz, q.log_prob(z), atol=1e-3, rtol=1e-4)


@every_posterior
def test_extreme_features_stay_finite(file: Path) -> None:
    posterior = build(file, latent_dim=3)
    features = (100 * torch.randn(8, 5)).requires_grad_()
    z, log_qz = rsample_and_log_prob(posterior(features), torch.Size([2]))
    (z.sum() + log_qz.sum()).backward()
    assert z.isfinite().all()
    assert log_qz.isfinite().all()
    assert features.grad is not None
    assert features.grad.isfinite().all()
