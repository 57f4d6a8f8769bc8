"""M2 against its equations: known and unknown labels, order of bounds, evaluation without labels."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from vaelab.data.labels import MISSING
from vaelab.data.module import DataModule
from vaelab.data.randomness import seeded
from vaelab.errors import UserError
from vaelab.jobs.compatibility import check_compatibility
from vaelab.latent.semi_supervised import SemiSupervised
from vaelab.metric.bounds import importance_weighted_bound, streamed_bound
from vaelab.metric.elbo import ELBOMetric
from vaelab.model.vae import VAE
from vaelab.terms import Batch

NUM = 6


@pytest.fixture
def latent(model: Callable[..., VAE]) -> SemiSupervised:
    """Far from its initial weights, where every label would do as well."""
    latent = model("model=m2").latent
    with torch.no_grad():
        latent.head.weight.mul_(20)
        for parameter in latent.single.decoder.parameters():
            parameter.mul_(3)
    return latent


@pytest.fixture
def some(batch: Batch) -> Batch:
    return Batch(batch.x[:NUM].round(), batch.y[:NUM], batch.index[:NUM])


def with_labels(some: Batch, *y: int) -> Batch:
    return some._replace(y=torch.tensor(y))


def labelled_bound(latent: SemiSupervised, x: Tensor, label: int, z: Tensor) -> Tensor:
    """-L(x, y) of eq. 6 at latents z [B, D], by hand, with the divergence in closed form."""
    c = torch.eye(10)[[label] * len(x)]
    loc, raw = latent.single.posterior.head(latent.single.encoder(x, c)).chunk(2, -1)
    posterior = Normal(loc, (7 * (raw / 7).tanh()).exp())
    log_px = Bernoulli(logits=latent.single.decoder(z, c)[:, 0]).log_prob(x).flatten(1).sum(1)
    return log_px - kl_divergence(posterior, Normal(0.0, 1.0)).sum(1) - math.log(10)


def bounds(latent: SemiSupervised, some: Batch) -> Tensor:
    """Each example's bound, as the terms give it."""
    with seeded(7):
        terms = latent(some)
    return terms.log_px[0] - terms.kl.sum(1)


def latents_of_each_label(latent: SemiSupervised, x: Tensor) -> Tensor:
    """The latents [Y, B, D] that are drawn under the same seed."""
    with seeded(7):
        return latent.infer(x, None).rows.rsample().unflatten(0, (10, len(x)))


def test_a_known_label_gives_the_bound_of_equation_6(latent: SemiSupervised, some: Batch) -> None:
    z = latents_of_each_label(latent, some.x)
    found = bounds(latent, some)
    for b, label in enumerate(some.y.tolist()):
        torch.testing.assert_close(found[b], labelled_bound(latent, some.x, label, z[label])[b])


def test_an_unknown_label_gives_the_bound_of_equation_7(latent: SemiSupervised, some: Batch) -> None:
    z = latents_of_each_label(latent, some.x)
    each = torch.stack([labelled_bound(latent, some.x, label, z[label]) for label in range(10)], 1)
    q = latent.classify(some.x).softmax(1)
    expected = (q * each).sum(1) - (q * q.log()).sum(1)
    torch.testing.assert_close(bounds(latent, with_labels(some, *[MISSING] * NUM)), expected)


def test_labelled_and_unlabelled_examples_share_a_batch(latent: SemiSupervised, some: Batch) -> None:
    mixed = with_labels(some, *some.y[:3].tolist(), *[MISSING] * 3)
    known, unknown = bounds(latent, some), bounds(latent, with_labels(some, *[MISSING] * NUM))
    torch.testing.assert_close(bounds(latent, mixed), torch.cat([known[:3], unknown[3:]]))


def test_the_classification_term_is_the_mean_over_known_labels(latent: SemiSupervised, some: Batch) -> None:
    log_qy = latent.classify(some.x).log_softmax(1)
    expected = -0.1 * (log_qy[0, some.y[0]] + log_qy[2, some.y[2]]) / 2
    mixed = with_labels(some, int(some.y[0]), MISSING, int(some.y[2]), *[MISSING] * 3)
    torch.testing.assert_close(latent(mixed).penalties["classification"].mean(), expected)
    unlabelled = with_labels(some, *[MISSING] * NUM)
    assert torch.equal(latent(unlabelled).penalties["classification"], torch.zeros(NUM))


@pytest.mark.parametrize("told", [0, 3, NUM])
def test_every_parameter_gets_a_gradient_for_any_number_of_labels(
    told: int, model: Callable[..., VAE], some: Batch
) -> None:
    vae = model("model=m2")
    vae.loss_of(with_labels(some, *some.y[:told].tolist(), *[MISSING] * (NUM - told))).total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in vae.parameters())
    assert all((p.grad != 0).any() for p in vae.parameters())


def test_evaluation_does_not_use_labels(latent: SemiSupervised, some: Batch) -> None:
    latent.eval()
    unknown, wrong = with_labels(some, *[MISSING] * NUM), some._replace(y=(some.y + 1) % 10)
    torch.testing.assert_close(bounds(latent, some), bounds(latent, wrong), rtol=0, atol=0)
    torch.testing.assert_close(bounds(latent, some), bounds(latent.train(), unknown), rtol=0, atol=0)
    assert torch.equal(latent.reconstruct(some.x, some.y), latent.reconstruct(some.x, wrong.y))


def test_elbo_and_importance_bounds_are_ordered(latent: SemiSupervised, some: Batch) -> None:
    latent.eval()
    often = Batch(some.x.repeat(60, 1, 1, 1), None, torch.arange(60 * NUM))
    evidence = ELBOMetric()
    with torch.no_grad():
        evidence.update(latent(often, 20))
        one, five, fifty = (streamed_bound(latent, often, k, 10).mean() for k in (1, 5, 50))
    assert evidence.compute()[0]["elbo"] < one < five < fifty


def test_mean_weights_are_p_of_x_for_any_classifier(latent: SemiSupervised, some: Batch) -> None:
    """log p(x) by draws from the prior, which needs neither encoder."""
    latent.eval()
    with torch.no_grad():
        latent.single.decoder.head.weight.mul_(0.02)
        z, y = torch.randn(20_000, 4), torch.arange(10).repeat(2000)
        log_px = torch.stack([latent.decode(z, y).log_prob(x.expand(20_000, 1, 8, 8)) for x in some.x[:2]], 1)
        truth, two = importance_weighted_bound(log_px), Batch(some.x[:2], None, some.index[:2])
        for scale in (1.0, 0.0):
            latent.head.weight.mul_(scale)
            torch.testing.assert_close(importance_weighted_bound(latent(two, 2000).log_weight), truth, atol=0.1, rtol=0)


def test_encodes_samples_and_reconstructs_with_and_without_labels(latent: SemiSupervised, some: Batch) -> None:
    likeliest = latent.classify(some.x).argmax(1)
    assert torch.equal(latent.encode(some.x, None), latent.encode(some.x, likeliest))
    assert torch.equal(latent.reconstruct(some.x, None), latent.decode(latent.encode(some.x, None), likeliest).mean)
    assert latent.sample(5, None).shape == latent.sample(5, torch.arange(5)).shape == (5, 1, 8, 8)
    terms = latent(some, 3)
    assert (terms.kl.shape, terms.latents[0].shape) == ((NUM, 5), (3, NUM, 4))
    assert terms.posterior.batch_shape == (NUM,)


def test_an_empty_chunk_has_terms(latent: SemiSupervised, some: Batch) -> None:
    for mode in (True, False):
        terms = latent.train(mode)(Batch(*(each[:0] for each in some)), 2)
        assert (terms.log_weight.shape, terms.kl.shape) == ((2, 0), (0, 5))


def test_a_model_without_labels_is_an_error(model: Callable[..., VAE]) -> None:
    with pytest.raises(UserError) as caught:
        model("model=m2", "condition=none")
    assert str(caught.value) == (
        "latent 'semi_supervised' infers labels, but condition 'none' has none; set condition=label"
    )


def test_only_models_that_infer_labels_accept_partly_labelled_data(
    small: Callable[..., object], digits: Callable[..., DataModule], model: Callable[..., VAE]
) -> None:
    few = ("data.num_labels=50", "data.labelled_per_batch=32")
    for chosen in ("vae", "m2"):
        check_compatibility(small(f"model={chosen}", *few), digits(*few), model(f"model={chosen}").latent)
    with pytest.raises(UserError) as caught:
        check_compatibility(small("model=cvae", *few), digits(*few), model("model=cvae").latent)
    assert str(caught.value) == (
        "condition 'label' needs the label of every example, but data.num_labels=50 keeps only some;"
        " set data.num_labels=all or model=m2"
    )
