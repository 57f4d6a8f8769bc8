"""Laws of each conf/adversary/*.yaml, and what each of them estimates."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from records import resized
from torch import nn

from vaelab.adversary.aggregate import Aggregate
from vaelab.adversary.discriminator import Discriminator
from vaelab.adversary.factor import Factor, shuffle_dimensions
from vaelab.adversary.image import scale_gradient
from vaelab.latent.single import Single
from vaelab.model.adversarial import Adversarial
from vaelab.model.vae import VAE
from vaelab.terms import Batch, Terms

NAMES = sorted(file.stem for file in (Path(__file__).parents[2] / "conf" / "adversary").glob("*.yaml"))
BASE = {"factor": "factor_vae", "aggregate": "adversarial_autoencoder", "image": "vae_gan"}
CONV = ("encoder=conv", "decoder=conv", "encoder.channels=[4,8]", "decoder.channels=[4,8]")

every_adversary = pytest.mark.parametrize("name", NAMES)
Model = Callable[..., VAE]


def of(name: str, model: Model, *overrides: str) -> Adversarial:
    vae = model(f"model={BASE[name]}", *overrides)
    assert isinstance(vae, Adversarial)
    return vae


def small(size: int) -> Discriminator:
    return Discriminator(size, [64, 64], nn.LeakyReLU(0.2))


@every_adversary
@pytest.mark.parametrize("choices", [(), CONV, ("condition=label",), ("+objective.num_samples=3",)], ids=str)
def test_every_parameter_learns(name: str, choices: tuple[str, ...], model: Model, batch: Batch) -> None:
    vae = of(name, model, *choices)
    vae.loss_of(batch).total.backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in vae.parameters())


@every_adversary
def test_a_batch_may_be_one_example(name: str, model: Model, batch: Batch) -> None:
    vae = of(name, model)
    vae.loss_of(Batch(*(each[:1] for each in batch))).total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in vae.parameters())


@every_adversary
def test_neither_loss_has_a_gradient_for_the_other_side(name: str, model: Model, batch: Batch) -> None:
    vae = of(name, model)
    terms, own = vae.adversary(vae.latent(batch), batch, vae.latent)
    total = vae.objective(terms, vae.control).total
    for loss, parameters in ((total, vae.adversary.parameters()), (own, vae.latent.parameters())):
        gradients = torch.autograd.grad(loss, list(parameters), allow_unused=True, retain_graph=True)
        assert all(gradient is None for gradient in gradients)


def test_shuffling_keeps_marginals_and_removes_correlation() -> None:
    z = torch.randn(5000, 1).expand(-1, 3)
    apart = shuffle_dimensions(z)
    assert torch.equal(apart.sort(0).values, z.sort(0).values)
    assert (apart.T.corrcoef() - torch.eye(3)).abs().max() < 0.1


def terms_of(z: torch.Tensor, terms: Terms) -> Terms:
    return resized(terms, len(z), latents=(z.unsqueeze(0),))


def test_the_density_ratio_is_the_total_correlation(model: Model, batch: Batch) -> None:
    latent = model("latent_dim=2").latent
    assert isinstance(latent, Single)
    factor = Factor(latent, discriminator=lambda size: small(size), gamma=2.0, optimizer=torch.optim.Adam)
    terms, correlation = latent(batch), 0.8
    mixing = torch.tensor([[1.0, 0.0], [correlation, math.sqrt(1 - correlation**2)]])
    optimizer = torch.optim.Adam(factor.parameters(), lr=3e-3, fused=True)
    for _ in range(150):
        optimizer.zero_grad()
        factor(terms_of(torch.randn(512, 2) @ mixing.T, terms), batch, latent)[1].backward()
        optimizer.step()
    found, _ = factor(terms_of(torch.randn(5000, 2) @ mixing.T, terms), batch, latent)
    assert found.diagnostics["density_ratio"].mean().item() == pytest.approx(
        -0.5 * math.log(1 - correlation**2), abs=0.1
    )
    torch.testing.assert_close(found.penalties["adversary"], 2 * found.diagnostics["density_ratio"])


def test_the_aggregate_posterior_is_pulled_to_the_prior(model: Model, batch: Batch) -> None:
    latent = model("latent_dim=2").latent
    assert isinstance(latent, Single)
    aggregate = Aggregate(latent, discriminator=lambda size: small(size), weight=1.0, optimizer=torch.optim.Adam)
    terms, loc = latent(batch), nn.Parameter(torch.tensor([2.0, -2.0]))
    optimizer = torch.optim.Adam(
        [{"params": [loc], "lr": 3e-2}, {"params": aggregate.parameters(), "lr": 3e-3}], fused=True
    )
    for _ in range(200):
        optimizer.zero_grad()
        pulled, own = aggregate(terms_of(loc + torch.randn(64, 2), terms), batch, latent)
        (pulled.penalties["adversary"].mean() + own).backward()
        optimizer.step()
    assert loc.abs().max() < 0.5


def similarity_gradients(gamma: float, model: Model, batch: Batch, part: str) -> list[torch.Tensor]:
    """Those of encoder and decoder, of the learned similarity or of the penalty."""
    vae = of("image", model, f"adversary.gamma={gamma}")
    torch.manual_seed(1)
    terms, _ = vae.adversary(vae.latent(batch), batch, vae.latent)
    value = terms.log_px if part == "log_px" else terms.penalties["adversary"]
    own = [[p for n, p in vae.latent.named_parameters() if n.startswith(each)] for each in ("encoder", "decoder")]
    gradient = partial(torch.autograd.grad, value.sum(), retain_graph=True, allow_unused=True)
    return [torch.cat([g.flatten() for g in gradient(each) if g is not None] or [torch.zeros(0)]) for each in own]


def test_gamma_weights_the_similarity_only_in_the_decoder(model: Model, batch: Batch) -> None:
    encoder, decoder = similarity_gradients(1.0, model, batch, "log_px")
    heavy_encoder, heavy_decoder = similarity_gradients(5.0, model, batch, "log_px")
    torch.testing.assert_close(heavy_encoder, encoder)
    torch.testing.assert_close(heavy_decoder, 5 * decoder)
    assert decoder.abs().max() > 0


def test_the_generator_loss_does_not_reach_the_encoder(model: Model, batch: Batch) -> None:
    encoder, decoder = similarity_gradients(1.0, model, batch, "adversary")
    assert not len(encoder)
    assert decoder.abs().max() > 0


def test_scaling_the_gradient_keeps_the_value() -> None:
    value = torch.randn(10, requires_grad=True)
    assert torch.equal(scale_gradient(value, 1e-6), value)
