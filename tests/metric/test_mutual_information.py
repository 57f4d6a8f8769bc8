"""The mutual information of latents and example index, where it is known."""

import math
from collections.abc import Callable

import pytest
import torch
from records import resized
from torch.distributions import Normal

from vaelab.distribution.joint import Joint
from vaelab.metric.mutual_information import MutualInformation
from vaelab.model.vae import VAE
from vaelab.terms import Batch, Terms


@pytest.fixture
def terms(model: Callable[..., VAE], batch: Batch) -> Callable[[torch.Tensor, float], Terms]:
    """Those of posteriors N(loc, scale^2)."""
    some = model().latent(batch)

    def terms(loc: torch.Tensor, scale: float) -> Terms:
        posterior = Joint(Normal(loc, scale), 1)
        return resized(some, len(loc), posterior=posterior, latents=(posterior.sample([1]),))

    return terms


def test_is_zero_for_equal_posteriors(terms: Callable[..., Terms]) -> None:
    metric = MutualInformation()
    metric.update(terms(torch.zeros(50, 3), 1.0))
    assert metric.compute().item() == pytest.approx(0, abs=1e-6)


def test_is_the_log_of_the_chunk_size_for_disjoint_posteriors(terms: Callable[..., Terms]) -> None:
    metric = MutualInformation()
    for size in (64, 0, 16):
        metric.update(terms(100 * torch.arange(size, dtype=torch.float32).unsqueeze(1).expand(-1, 3), 0.1))
    assert metric.compute().item() == pytest.approx((64 * math.log(64) + 16 * math.log(16)) / 80)


def test_the_information_of_a_gaussian_channel(terms: Callable[..., Terms]) -> None:
    """z = x + noise with variances 1 and s^2: I = log(1 + 1 / s^2) / 2 for each dimension."""
    metric = MutualInformation()
    for _ in range(3):
        metric.update(terms(torch.randn(1000, 1), 0.5))
    assert metric.compute().item() == pytest.approx(0.5 * math.log(1 + 1 / 0.25), abs=0.05)
