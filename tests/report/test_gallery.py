"""Every latent structure answers for itself what can be drawn of it."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from variants import NAMES, first_stage

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.evaluation.context import EvaluationContext
from vaelab.model.vae import VAE
from vaelab.report.gallery.gallery import Gallery, draw_gallery
from vaelab.report.gallery.samples import draw_samples
from vaelab.report.sheet import Sheet, sheet_of, shrink

WITHOUT_VECTOR = {"vq_vae", "rq_vae", "fsq_vae", "hvae", "ladder_vae", "conv_ladder_vae"}
WITHOUT_SCALE = {*("vq_vae", "rq_vae", "fsq_vae")}
TEMPERATURES = [0.5, 1.0, 1.2]

Model, Data = Callable[..., VAE], Callable[..., DataModule]


def context_of(vae: VAE, data: DataModule) -> EvaluationContext:
    return EvaluationContext(vae.latent.eval(), data, "test", 0, torch.device("cpu"))


def draw(vae: VAE, data: DataModule, max_values: int = 100_000) -> Gallery:
    with torch.no_grad():
        return draw_gallery(context_of(vae, data), TEMPERATURES, max_dimensions=6, max_values=max_values)


def pixels(sheet: Sheet) -> np.ndarray:
    """The pictures of a sheet [R, C, H, W]."""
    dots = np.asarray(Image.open(io.BytesIO(sheet.png)))
    return dots.reshape(sheet.num_rows, sheet.height, sheet.num_columns, sheet.width).transpose(0, 2, 1, 3)


@pytest.mark.parametrize("name", [one for one in NAMES if first_stage(one) is None])
def test_every_variant_has_pictures(name: str, model: Model, digits: Data) -> None:
    gallery = draw(model(f"model={name}"), digits())
    assert gallery.notes == ()
    assert gallery.reconstructions is not None
    assert gallery.samples is not None
    assert 1.0 in gallery.samples.temperatures
    assert (gallery.traversals is None) == (gallery.interpolations is None) or name in WITHOUT_VECTOR


def test_a_reconstruction_is_below_its_image(model: Model, digits: Data) -> None:
    vae, data = model(), digits()
    gallery = draw(vae, data)
    assert gallery.reconstructions is not None
    drawn = pixels(gallery.reconstructions.sheet)
    batch = data.batch("test", torch.arange(drawn.shape[1]))
    with torch.no_grad():
        expected = torch.stack([batch.x, vae.latent.reconstruct(batch.x, batch.y)])[:, :, 0]
    assert np.abs(drawn - expected.numpy() * 255).max() < 1
    assert gallery.reconstructions.labels == tuple(str(int(y)) for y in batch.y)


def test_temperatures_and_classes_share_their_noise(model: Model, digits: Data) -> None:
    vae, data = model("model=cvae"), digits()
    with torch.no_grad():
        drawn = draw_samples(context_of(vae, data), TEMPERATURES, 1000)
        codes = []
        draw = vae.latent.draw
        vae.latent.draw = lambda *args: codes.append(draw(*args)) or codes[-1]  # type: ignore[method-assign]
        draw_samples(context_of(vae, data), [1.0, 0.5], 40)
    assert drawn.temperatures == (0.5, 1.0, 1.2)
    assert len(drawn.classes) == 10
    scaled = {tuple(np.round((code / code[0, 0]).flatten()[:4].numpy(), 4)) for code in codes if len(code) > 1}
    assert len(scaled) == 1


def test_a_prior_without_a_scale_has_one_temperature(model: Model, digits: Data) -> None:
    gallery = draw(model("model=hyperspherical_vae"), digits())
    assert gallery.samples is not None
    assert gallery.samples.temperatures == (1.0,)


def test_what_fails_is_said_and_the_rest_is_drawn(model: Model, digits: Data) -> None:
    vae = model()

    def fail(*args: object) -> None:
        raise RuntimeError("no such kernel")

    vae.latent.reconstruct = fail  # type: ignore[assignment]
    gallery = draw(vae, digits())
    assert gallery.reconstructions is None
    assert gallery.notes == ("The reconstructions could not be drawn: no such kernel",)
    assert gallery.traversals is not None


def test_a_model_that_is_all_nan_has_black_pictures(model: Model, digits: Data) -> None:
    vae = model()
    for parameter in vae.parameters():
        parameter.data.fill_(torch.nan)
    gallery = draw(vae, digits())
    assert gallery.samples is not None
    assert pixels(gallery.samples.sheets[0]).max() == 0


def test_the_noise_of_training_is_untouched(model: Model, digits: Data) -> None:
    vae, data = model(), digits()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    draw(vae, data)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_counts_shrink_to_their_limit(limit: int) -> None:
    found = shrink((5, 20), (1, 4), limit)
    assert found[0] * found[1] <= max(limit, 4)
    assert all(1 <= count <= most for count, most in zip(found, (5, 20), strict=True))
    assert shrink((5, 20), (1, 4), 100) == [5, 20]


def test_a_sheet_keeps_each_picture_in_its_place() -> None:
    pictures = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5, 1)
    assert np.array_equal(pixels(sheet_of(pictures)), pictures[..., 0])


def test_data_that_are_no_images_have_no_pictures(composed: Callable[..., object], model: Model) -> None:
    config = composed("data=linear_gaussian", "model=linear_vae", "encoder=mlp", "decoder=mlp")
    gallery = draw(build(config.model), build(config.data))  # type: ignore[attr-defined]
    assert gallery == Gallery()
