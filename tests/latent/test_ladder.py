"""Ladders: depth, shapes of levels, and q relative to p."""

from collections.abc import Callable

import pytest
import torch

from vaelab.errors import UserError
from vaelab.model.vae import VAE
from vaelab.terms import Batch


def blocks(shape: tuple[int, ...], num_examples: int = 8) -> Batch:
    """Pictures of large blocks."""
    coarse = torch.rand(num_examples, shape[0], 4, 4).round()
    x = torch.nn.functional.interpolate(coarse, size=shape[1:])
    return Batch(x, torch.arange(num_examples), torch.arange(num_examples))


@pytest.mark.parametrize(("name", "steps"), [("ladder_vae", 50), ("conv_ladder_vae", 25)])
def test_twelve_levels_on_28_pixels_train_stably(name: str, steps: int, model: Callable[..., VAE]) -> None:
    width = "latent.levels.channels=8" if name == "conv_ladder_vae" else "latent.levels.width=32"
    vae = model(f"model={name}", "data.shape=[1,28,28]", "latent.num_levels=12", width)
    batch, losses = blocks((1, 28, 28)), []
    optimizer = torch.optim.Adam(vae.parameters(), lr=3e-3, fused=True)
    for _ in range(steps):
        loss = vae.loss_of(batch)
        assert all(f"kl/level{number}" in loss.parts for number in range(1, 13))
        optimizer.zero_grad()
        loss.total.backward()
        assert all(each.grad.isfinite().all() for each in vae.parameters())
        optimizer.step()
        losses.append(loss.total.item())
    assert losses[0] < 2 * 28 * 28  # not far from log 2 for each pixel
    assert max(losses) < 1.5 * losses[0]
    assert sum(losses[-5:]) / 5 < 0.8 * losses[0]


@pytest.mark.parametrize("depth", [1, 12])
def test_the_state_does_not_grow_with_the_number_of_levels(depth: int, model: Callable[..., VAE]) -> None:
    vae = model("model=ladder_vae", f"latent.num_levels={depth}", "latent.levels.width=64")
    with torch.no_grad():
        latent = vae.latent
        rest = latent.draw(200, None).split(latent.levels.sizes, 1)
        state = latent.levels.start(rest[0], torch.zeros(200, 0))
        for rung, z in zip(latent.levels.rungs, rest[1:], strict=True):
            state = rung.step(state, z)
    assert 0.1 < state.std() < 2


def test_levels_are_spread_evenly_over_resolutions(model: Callable[..., VAE]) -> None:
    def places(num_levels: int, num_resolutions: int) -> list[tuple[int, ...]]:
        chosen = (f"latent.num_levels={num_levels}", f"latent.levels.num_resolutions={num_resolutions}")
        vae = model("model=conv_ladder_vae", "data.shape=[1,28,28]", "latent.levels.channels=2", *chosen)
        return [tuple(rung.latent_shape) for rung in vae.latent.levels.rungs]

    assert places(6, 3) == [(2, 7, 7), (2, 14, 14), (2, 14, 14), (2, 28, 28), (2, 28, 28)]
    assert places(2, 2) == [(2, 28, 28)]
    assert places(1, 3) == []


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 27, 31), (3, 9, 6)], ids=str)
@pytest.mark.parametrize("num_levels", [1, 2, 5])
def test_images_of_any_size(shape: tuple[int, ...], num_levels: int, model: Callable[..., VAE]) -> None:
    chosen = (f"data.shape={list(shape)}", f"latent.num_levels={num_levels}", "latent.levels.channels=4")
    latent, batch = model("model=conv_ladder_vae", *chosen).latent, blocks(shape, 3)
    assert latent(batch, 2).log_weight.shape == (2, 3)
    assert latent.reconstruct(batch.x, batch.y).shape == latent.sample(3, None).shape == (3, *shape)


def test_a_posterior_that_adds_nothing_is_the_prior(model: Callable[..., VAE]) -> None:
    latent = model("model=ladder_vae").latent
    for rung in latent.levels.rungs:
        for parameter in rung.posterior_net.parameters():
            parameter.data.zero_()
    terms = latent(blocks((1, 8, 8)))
    assert (terms.kl[:, 0] > 0).all()
    assert torch.equal(terms.kl[:, 1:], torch.zeros(8, 2))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ("data.shape=[8]",),
            "latent 'conv_ladder' needs images of shape [C, H, W], but the data have shape [8]; set latent=ladder",
        ),
        (
            ("data.shape=[1,3,8]",),
            "latent 'conv_ladder' cannot halve images of 3x8 2 times; set latent.levels.num_resolutions lower",
        ),
    ],
)
def test_data_that_convolutions_cannot_take(
    overrides: tuple[str, ...], sentence: str, model: Callable[..., VAE]
) -> None:
    with pytest.raises(UserError) as caught:
        model("model=conv_ladder_vae", *overrides)
    assert str(caught.value) == sentence
