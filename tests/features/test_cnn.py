"""Features that are trained on the data: names, inputs, and unsuitable data."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from measuring import network_of
from omegaconf import DictConfig
from torch import Tensor

from vaelab.config import build
from vaelab.data.digits import Digits
from vaelab.data.dsprites import DSprites
from vaelab.data.examples import Examples, Source
from vaelab.data.fashion_mnist import FashionMNIST
from vaelab.data.image_folder import ImageFolder
from vaelab.data.mnist import MNIST
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.features.cnn import CNN, evenly_spaced, labelled_images, rotated_images, snake_case


class Wide(Digits):
    """Digits without their lower half."""

    def load(self, part: str) -> Examples:
        examples = super().load(part)
        return Examples(examples.x[:, :, :4], examples.y)


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    """As measures are called."""
    with torch.no_grad():
        yield


@pytest.fixture
def cnn(tmp_path: Path) -> CNN:
    return CNN(max_examples=60000, epochs=1, folder=str(tmp_path))


def test_the_name_contains_data_and_number(cnn: CNN, digits: Callable[..., DataModule]) -> None:
    network = network_of(cnn, digits())
    features = network(digits().batch("test", torch.arange(5)).x)
    assert re.fullmatch(r"digits_cnn128-[0-9a-f]{4}", network.name)
    assert (network.size, tuple(features.shape)) == (128, (5, 128))


def test_other_recipes_have_other_names(cnn: CNN, digits: Callable[..., DataModule]) -> None:
    other_images, other_labels = digits(), digits()
    split = other_images.split("train")
    split.x[7, 0, 3, 3] += 1
    labels = other_labels.split("train").y
    labels[7] = (labels[7] + 1) % 10
    names = [
        network_of(cnn, digits()).name,
        *(network_of(replace(cnn, epochs=epochs), digits()).name for epochs in (0, 2)),
        network_of(replace(cnn, max_examples=500), digits()).name,
        *(network_of(cnn, data).name for data in (digits("data.split_seed=3"), other_images, other_labels)),
    ]
    assert len(set(names)) == 7
    assert names[0] == network_of(cnn, digits("data.chunk=50", "data.binarization=dynamic", "seed=3")).name


@pytest.mark.parametrize(
    ("source", "name"),
    [(FashionMNIST, "fashion_mnist"), (MNIST, "mnist"), (ImageFolder, "image_folder"), (DSprites, "dsprites")],
)
def test_data_have_the_name_of_their_config(source: type[Source], name: str) -> None:
    assert snake_case(source.__new__(source)) == name


def test_rotation_features_exist_for_data_without_classes(
    cnn: CNN,
    digits: Callable[..., DataModule],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "vaelab.features"):
        network = network_of(cnn, digits("data.num_classes=0", "data.classes=[]"))
    assert network.name.startswith("digits_rotation_cnn128-")
    assert caplog.messages == ["training a classifier on 4948 real images"]  # 4 * 1237
    assert network.fingerprint != network_of(cnn, digits()).fingerprint


def test_labels_are_the_number_of_quarter_turns(digits: Callable[..., DataModule]) -> None:
    x, y = rotated_images(digits(), 40)
    for turns, part in enumerate(x.chunk(4)):
        assert torch.equal(part.rot90(-turns, (2, 3)), x[:10])
    assert y.tolist() == [turns for turns in range(4) for _ in range(10)]


def test_at_most_max_examples_are_read_evenly_spaced(
    digits: Callable[..., DataModule],
) -> None:
    assert evenly_spaced(10, 4).tolist() == [0, 2, 5, 7]
    assert evenly_spaced(3, 4).tolist() == [0, 1, 2]
    data = digits()
    x, y = labelled_images(data, 100)
    assert len(x) == 100
    assert torch.equal(x[99], data.split("train")[[99 * 1237 // 100]].x[0])
    assert len(y.unique()) == 10


@pytest.mark.parametrize("scale", ["symmetric", "none"])
def test_images_on_another_scale_have_the_same_features(
    scale: str, cnn: CNN, digits: Callable[..., DataModule]
) -> None:
    unit, other = digits(), digits(f"data.scale={scale}")
    x, same = (data.to_unit(data.batch("test", torch.arange(50)).x) for data in (unit, other))
    networks = network_of(cnn, unit), network_of(cnn, other)
    torch.testing.assert_close(networks[0](x), networks[1](same), rtol=1e-4, atol=1e-4)


def test_they_do_not_depend_on_the_trainers_precision(cnn: CNN, digits: Callable[..., DataModule]) -> None:
    data = digits()
    network, x = network_of(cnn, data), data.batch("test", torch.arange(50)).x
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network(x), network(x.double()))
    assert torch.equal(network(x), network(x.double()))


def test_a_nan_pixel_gives_nan_features(cnn: CNN, digits: Callable[..., DataModule]) -> None:
    x: Tensor = torch.rand(3, 1, 8, 8)
    x[1, 0, 2, 3] = torch.nan
    assert network_of(cnn, digits())(x).isnan().all(1).tolist() == [False, True, False]


def test_data_that_are_not_images_are_an_error(cnn: CNN, composed: Callable[..., DictConfig]) -> None:
    message = (
        r"^features=cnn needs images \[C, H, W\] of pixels, but data 'linear_gaussian' gives \[8\];"
        r" leave image quality out of evaluation$"
    )
    with pytest.raises(UserError, match=message):
        network_of(cnn, build(composed("data=linear_gaussian").data))


def test_unlabelled_images_that_are_not_square_are_an_error(cnn: CNN, digits: Callable[..., DataModule]) -> None:
    data = digits("data.num_classes=0", "data.classes=[]", "data.shape=[1,4,8]")
    data.source = Wide()
    message = (
        r"^features=cnn learns from quarter turns where data has no classes, but images of wide are 4 x 8;"
        r" set data.num_classes, a square data.shape or features=inception$"
    )
    with pytest.raises(UserError, match=message):
        network_of(cnn, data)
