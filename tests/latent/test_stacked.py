"""M1 + M2: bounds composed of those of the parts, and evaluation without labels."""

from collections.abc import Callable

import pytest
import torch

from vaelab.data.labels import MISSING
from vaelab.data.randomness import seeded
from vaelab.latent.stacked import Stacked
from vaelab.metric.bounds import streamed_bound
from vaelab.metric.elbo import ELBOMetric
from vaelab.model.vae import VAE
from vaelab.terms import Batch

NUM = 6


@pytest.fixture
def latent(model: Callable[..., VAE]) -> Stacked:
    """Far from its initial weights, where every label would do as well."""
    latent = model("model=m1_m2").latent
    with torch.no_grad():
        latent.prior.head.weight.mul_(20)
    return latent


@pytest.fixture
def some(batch: Batch) -> Batch:
    return Batch(batch.x[:NUM].round(), batch.y[:NUM], batch.index[:NUM])


@pytest.mark.parametrize("told", [0, 3, NUM])
def test_the_bound_is_that_of_m1_with_the_bound_of_m2_as_its_prior(latent: Stacked, some: Batch, told: int) -> None:
    y = torch.where(torch.arange(NUM) < told, some.y, MISSING)
    with seeded(3):
        terms = latent(some._replace(y=y))
    with seeded(3):
        posterior = latent.infer(some.x, None).posterior
        z = posterior.rsample()
        above = latent.prior(Batch(z, y, some.index))
    bound = latent.decode(z, None).log_prob(some.x) - posterior.log_prob(z) + above.log_px[0] - above.kl.sum(1)
    torch.testing.assert_close(terms.log_px[0] - terms.kl.sum(1), bound)
    weight = latent.decode(z, None).log_prob(some.x) - posterior.log_prob(z) + above.log_weight[0]
    torch.testing.assert_close(terms.log_weight[0], weight)
    assert terms.penalties["classification"].mean() == above.penalties["classification"].mean()


def test_evaluation_does_not_use_labels(latent: Stacked, some: Batch) -> None:
    latent.eval()
    found = []
    for y in (some.y, (some.y + 1) % 10, None):
        with seeded(3):
            found.append(latent(some._replace(y=y), 2).log_weight)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_elbo_and_importance_bounds_are_ordered(latent: Stacked, some: Batch) -> None:
    latent.eval()
    often = Batch(some.x.repeat(40, 1, 1, 1), None, torch.arange(40 * NUM))
    evidence = ELBOMetric()
    with torch.no_grad():
        evidence.update(latent(often, 10))
        one, five, fifty = (streamed_bound(latent, often, k, 10).mean() for k in (1, 5, 50))
    assert evidence.compute()[0]["elbo"] < one < five < fifty


def test_an_empty_chunk_has_terms(latent: Stacked, some: Batch) -> None:
    for mode in (True, False):
        terms = latent.train(mode)(Batch(*(each[:0] for each in some)), 2)
        assert (terms.log_weight.shape, terms.kl.shape) == ((2, 0), (0, 6))


def test_samples_with_and_without_labels(latent: Stacked, some: Batch) -> None:
    assert latent.sample(5, None).shape == latent.sample(5, torch.arange(5)).shape == (5, 1, 8, 8)
    assert latent(some, 3).latents[1].shape == (3, NUM, 4)
    assert latent.classify(some.x).shape == (NUM, 10)
