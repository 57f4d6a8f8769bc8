"""Laws that each conf/model/*.yaml obeys, found by listing the folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from variants import NAMES, choices

from vaelab.data.randomness import seeded
from vaelab.latent.structure import LatentStructure
from vaelab.model.vae import VAE
from vaelab.terms import Batch

CONV = ("encoder=conv", "decoder=conv", "encoder.channels=[8,16]", "decoder.channels=[8,16]")
GATED = ("encoder.gated=true", "decoder.gated=true", "encoder.hidden=[24]", "decoder.hidden=[24]")
NETWORKS = {"mlp": (), "gated": GATED, "conv": CONV}
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 64, 64), (2, 27, 31)]

every_model = pytest.mark.parametrize("name", NAMES)


# What these reach (nats), whose loss has a lower limit near where it begins: a Gaussian's normalizer, or the entropy of
# latents that are sampled in each step.
REACHED = {"latent_flow": 5.6, "latent_mixture": 6.05, "two_stage_vae": 6.75, "vae_gan": 31.85}


def trainable_parameters(vae: VAE | LatentStructure) -> list[nn.Parameter]:
    """The weights that training changes: in a second stage only those of the prior."""
    return [one for part in vae.modules() for one in part.parameters(recurse=False) if one.requires_grad]


def overfit(vae: VAE, batch: Batch, steps: int = 60) -> tuple[float, float]:
    """The loss on one batch before and after training on it alone; an adversary is not trained."""
    optimizer = torch.optim.Adam(trainable_parameters(vae.latent), lr=1e-2, fused=True)
    losses = []
    for _ in range(steps):
        loss = vae.loss_of(batch).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], sum(losses[-5:]) / 5


@every_model
def test_every_parameter_gets_a_gradient(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    vae = model(*choices(name))
    vae.loss_of(batch).total.backward()
    assert trainable_parameters(vae)
    for parameter in trainable_parameters(vae):
        assert parameter.grad is not None
        assert (parameter.grad != 0).any()


@every_model
def test_overfits_one_batch(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    first, last = overfit(model(*choices(name)), Batch(*(each[:16] for each in batch)))
    assert last < REACHED.get(name, 0.75 * first)


@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_learns_images_of_any_size(networks: str, shape: tuple[int, ...], name: str, model: Callable[..., VAE]) -> None:
    vae = model(f"model={name}", f"data.shape={list(shape)}", *NETWORKS[networks])
    # Four pictures of blocks, which networks of any kind can learn by heart.
    blocks = torch.rand(4, shape[0], 2, 2).round()
    x = torch.nn.functional.interpolate(blocks, size=shape[1:])
    first, last = overfit(vae, Batch(x, torch.arange(4), torch.arange(4)), steps=45)
    assert last < 0.75 * first
    assert vae.latent.reconstruct(x, torch.arange(4)).shape == x.shape


@every_model
def test_samples_and_reconstructs(name: str, model: Callable[..., VAE], batch: Batch) -> None:
    latent = model(*choices(name)).latent
    y = torch.arange(20) % 10 if latent.conditional else None
    samples = latent.sample(20, y)
    assert samples.shape == (20, 1, 8, 8)
    assert latent.likelihood.accepts(samples)
    assert len(samples.detach().flatten(1).unique(dim=0)) == 20
    assert latent.reconstruct(batch.x, batch.y).shape == batch.x.shape


@every_model
def test_state_dict_holds_everything(name: str, model: Callable[..., VAE], batch: Batch, tmp_path: Path) -> None:
    vae, other = model(*choices(name)), model(*choices(name))
    overfit(vae, batch, steps=3)
    vae.control.write("weight", 0.5)
    torch.save(vae.state_dict(), tmp_path / "state.pt")

    def outputs(of: VAE) -> list[torch.Tensor]:
        with torch.no_grad(), seeded(0):
            terms = of.latent(batch, of.objective.num_samples)
            images = of.latent.sample(64, batch.y if of.latent.conditional else None)
            return [of.objective(terms, of.control).total, terms.log_weight, images, terms.kl]

    before = outputs(other)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    after = outputs(other)
    for found, expected in zip(after, outputs(vae), strict=True):
        assert torch.equal(found, expected)
    for found, old in zip(after[:3], before[:3], strict=True):  # the rate of a code may be a constant
        assert not torch.equal(found, old)
