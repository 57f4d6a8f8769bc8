"""Bounds on linear_gaussian, where log p(x) is known: ordered below it, and converging to it."""

import math
from itertools import pairwise

import pytest
import torch
from known import known, source
from torch import Tensor

from vaelab.data.randomness import seeded
from vaelab.latent.single import Single
from vaelab.metric.bounds import importance_weighted_bound, streamed_bound
from vaelab.metric.elbo import ELBOMetric
from vaelab.terms import Batch

WRONG = {"shift": 0.7, "widening": 1.4}


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch(source().load("test").x, None, torch.arange(400))


def bound(latent: Single, batch: Batch, k: int, chunk: int = 100) -> Tensor:
    with torch.no_grad():
        return streamed_bound(latent, batch, k, chunk)


def truth(batch: Batch) -> Tensor:
    return source().log_prob(batch.x.double())


def margin(difference: Tensor) -> float:
    """Four standard errors of a mean over examples."""
    return 4 * difference.std().item() / math.sqrt(len(difference))


def test_every_weight_of_the_exact_posterior_is_the_evidence(batch: Batch) -> None:
    log_weight = known(source())(batch, 3).log_weight
    torch.testing.assert_close(log_weight.double(), truth(batch).expand(3, -1), atol=1e-3, rtol=0)


def test_more_samples_give_a_tighter_bound(batch: Batch) -> None:
    latent, repeats = known(source(), **WRONG), 40
    often = Batch(batch.x.repeat(repeats, 1), None, batch.index.repeat(repeats))
    bounds = [*(bound(latent, often, k).view(repeats, -1).mean(0) for k in (1, 5, 50)), truth(batch)]
    for looser, tighter in pairwise(bounds):
        difference = tighter - looser
        assert difference.mean() > margin(difference)
    assert (bounds[-1] - bounds[0]).mean() > 0.5


def test_many_samples_reach_the_evidence(batch: Batch) -> None:
    few = Batch(batch.x[:60], None, batch.index[:60])
    found = bound(known(source(), **WRONG), few, 20_000, chunk=1000)
    torch.testing.assert_close(found, truth(few), atol=0.1, rtol=0)
    assert abs((found - truth(few)).mean()) < 0.01


def test_one_sample_is_the_elbo(batch: Batch) -> None:
    latent = known(source(), **WRONG)
    with seeded(3):
        terms = latent(batch, 1)
    with seeded(3):
        torch.testing.assert_close(bound(latent, batch, 1), terms.log_weight[0].double())
    # The same number by the closed form of the rate, up to the noise of one sample.
    evidence = ELBOMetric()
    evidence.update(latent(batch, 200))
    values = evidence.compute().values
    estimates = torch.stack([bound(latent, batch, 1) for _ in range(50)]).mean(0)
    assert abs(estimates.mean() - values["elbo"]) < margin(estimates) / 4
    torch.testing.assert_close(values["elbo"], -values["rate"] - values["distortion"])


def test_the_elbo_is_the_evidence_minus_the_kl_to_the_true_posterior(batch: Batch) -> None:
    evidence = ELBOMetric()
    with torch.no_grad():
        evidence.update(known(source(), **WRONG)(batch, 2000))
    shift, widening = WRONG.values()
    gap = 2 * (shift**2 + widening**2 - 1 - 2 * math.log(widening)) / 2  # KL of each of two dimensions
    assert evidence.compute()[0]["elbo"].item() == pytest.approx(truth(batch).mean().item() - gap, abs=0.01)


def test_an_examples_bound_does_not_depend_on_its_batch_mates(batch: Batch) -> None:
    x = batch.x[:6].clone().requires_grad_()
    values = streamed_bound(known(source(), **WRONG), Batch(x, None, batch.index[:6]), 7, 3)
    for example, value in enumerate(values):
        (slope,) = torch.autograd.grad(value, x, retain_graph=True)
        alone = torch.zeros(6, dtype=torch.bool)
        alone[example] = True
        assert torch.equal((slope != 0).any(1), alone)


def test_importance_weighted_bound_is_the_logarithm_of_the_mean_weight() -> None:
    log_weight = torch.randn(5, 3)
    torch.testing.assert_close(importance_weighted_bound(log_weight), log_weight.exp().mean(0).log())
    far = importance_weighted_bound(log_weight - 2000)
    torch.testing.assert_close(far + 2000, log_weight.exp().mean(0).log(), atol=1e-3, rtol=0)
