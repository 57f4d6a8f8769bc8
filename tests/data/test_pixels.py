"""Ranges of every scale, laws of the noise, and fixed noise of evaluations."""

import itertools

import pytest
import torch

from vaelab.data.pixels import Pixels
from vaelab.data.randomness import uniform

ALL = torch.arange(256, dtype=torch.uint8)


@pytest.mark.parametrize(("scale", "low", "high"), [("unit", 0, 1), ("symmetric", -1, 1), ("none", 0, 255)])
def test_scale_reaches_both_ends_and_keeps_256_values(scale, low, high):
    x = Pixels(scale, "none", False).rescale(ALL)
    assert x.dtype == torch.float32
    assert x.min() == low
    assert x.max() == high
    assert len(x.unique()) == 256
    torch.testing.assert_close(x, torch.linspace(low, high, 256))


@pytest.mark.parametrize(("scale", "low", "high"), [("unit", 0, 1), ("symmetric", -1, 1), ("none", 0, 256)])
@pytest.mark.parametrize("noise", [0, 0.5, 1 - 2**-24])
def test_dequantization_stays_in_its_cell(scale, low, high, noise):
    pixels = Pixels(scale, "none", True)
    x = pixels.rescale(pixels.add_noise(ALL, torch.full((256,), float(noise))))
    assert x.min() >= low
    assert x.max() < high
    assert torch.equal(((x.double() - low) / (high - low) * 256).floor(), ALL.double())


@pytest.mark.parametrize(("scale", "values"), [("unit", {0, 1}), ("symmetric", {-1, 1}), ("none", {0, 255})])
def test_binarization_gives_the_two_ends(scale, values):
    pixels = Pixels(scale, "dynamic", False)
    assert set(pixels.rescale(pixels.add_noise(ALL, torch.rand(256))).tolist()) == values


def test_binarization_is_the_identity_on_black_and_white_and_keeps_the_mean():
    pixels = Pixels("unit", "dynamic", False)
    ends = torch.tensor([0, 255], dtype=torch.uint8).expand(10_000, 2)
    noise = torch.rand(10_000, 2)
    assert torch.equal(pixels.add_noise(ends, noise), ends == 255)
    binary = pixels.add_noise(ALL.expand(20_000, 256), torch.rand(20_000, 256))
    assert (binary.float().mean(0) - ALL / 255).abs().max() < 5 * 0.5 / 20_000**0.5


def test_uniform_is_uniform_and_independent_over_examples_pixels_and_seeds():
    noise = uniform(7, torch.arange(2000), 500)
    assert noise.min() >= 0
    assert noise.max() < 1
    counts = torch.histc(noise, 100, 0, 1)
    assert ((counts - 1e4) ** 2 / 1e4).sum() < 99 + 5 * (2 * 99) ** 0.5
    for other in (uniform(8, torch.arange(2000), 500), noise.roll(1, 0), noise.roll(1, 1)):
        assert torch.corrcoef(torch.stack([noise.flatten(), other.flatten()]))[0, 1].abs() < 5e-3


@pytest.mark.parametrize(("binarization", "dequantization"), [("dynamic", False), ("static", False), ("none", True)])
@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_two_evaluations_are_identical_at_any_chunk_size(data, name, binarization, dequantization):
    changes = {"binarization": binarization, "dequantization": dequantization}
    torch.manual_seed(1)
    first = evaluated(data(**changes, chunk=100, seed=0), name)
    torch.manual_seed(2)
    second = evaluated(data(**changes, chunk=7, seed=1), name)
    assert torch.equal(first, second)


def test_noise_differs_between_splits_and_between_split_seeds(data, source_of):
    grey = torch.full((1797, 1, 8, 8), 128, dtype=torch.uint8)
    source = source_of(grey, torch.zeros(1797).long())

    def first_image(split_seed, name):
        module = data(source, binarization="static", split_seed=split_seed)
        return module.batch(name, torch.arange(1)).x

    images = [first_image(*key) for key in itertools.product((0, 1), ("train", "validation", "test"))]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(images, 2))


@pytest.mark.parametrize(("binarization", "same"), [("dynamic", False), ("static", True)])
def test_training_draws_anew_only_where_binarization_is_dynamic(data, binarization, same):
    module = data(binarization=binarization)

    def epoch():
        batches = [module.on_after_batch_transfer(batch, 0) for batch in module.train_dataloader()]
        return torch.cat([batch.x for batch in batches])

    first, second = epoch(), epoch()
    assert set(first.unique().tolist()) == {0, 1}
    assert torch.equal(first, second) is same


def test_pixels_travel_as_bytes(data):
    for binarization, dtypes in (("none", {torch.uint8}), ("dynamic", {torch.uint8, torch.bool})):
        module = data(binarization=binarization)
        loaders = (module.train_dataloader(), module.val_dataloader())
        assert {batch.x.dtype for loader in loaders for batch in loader} == dtypes


def evaluated(module, name):
    return torch.cat([module.on_after_batch_transfer(batch, 0).x for batch in module.loader(name)])
