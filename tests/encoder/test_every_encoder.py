"""Laws of each conf/encoder/*.yaml, and of convolutions."""

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.nn import functional as F

from vaelab.config import build
from vaelab.encoder.conv import Conv, halved_resolutions
from vaelab.encoder.mlp import MLP
from vaelab.errors import UserError

FILES = sorted((Path(__file__).parents[2] / "conf" / "encoder").glob("*.yaml"))
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 64, 64), (2, 27, 31), (1, 12, 9)]
SMALL = {"mlp": [{"num_features": 24}, {"num_features": 24, "gated": True, "hidden": [16, 8]}]}
CASES = [(file, changes) for file in FILES for changes in SMALL.get(file.stem, [{"num_features": 24}])]

every_encoder = pytest.mark.parametrize(("file", "changes"), CASES, ids=[f"{f.stem}-{c}" for f, c in CASES])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_condition = pytest.mark.parametrize("size", [0, 10], ids=["plain", "conditional"])


def encoder(file: Path, changes: dict[str, Any], shape: tuple[int, ...], size: int) -> Any:
    config = OmegaConf.create({"data": {"shape": list(shape)}, "encoder": OmegaConf.load(file)})
    config.encoder = OmegaConf.merge(config.encoder, changes)
    return build(config.encoder)(condition_size=size)


@every_encoder
@every_shape
@every_condition
def test_features_of_each_example_and_a_gradient_for_every_parameter(
    file: Path, changes: dict[str, Any], shape: tuple[int, ...], size: int
) -> None:
    body = encoder(file, changes, shape, size)
    x, c = torch.rand(5, *shape), torch.rand(5, size)
    features = body(x, c)
    assert features.shape == (5, body.num_features)
    features.square().sum().backward()
    for parameter in body.parameters():
        assert parameter.grad is not None
        assert (parameter.grad != 0).any()
    torch.testing.assert_close(body(x[2:3], c[2:3]), features[2:3])


@every_encoder
def test_depends_on_its_condition(file: Path, changes: dict[str, Any]) -> None:
    body, x = encoder(file, changes, (1, 8, 8), 10), torch.rand(1, 1, 8, 8)
    given = torch.eye(10)
    features = body(x.expand(10, -1, -1, -1), given)
    assert len(features.detach().unique(dim=0)) == 10


def test_the_condition_acts_as_a_constant_plane_beside_the_image() -> None:
    body = Conv((1, 9, 9), [4], 6, nn.Identity(), condition_size=3)
    x, c = torch.rand(2, 1, 9, 9), torch.rand(2, 3)
    found: list[torch.Tensor] = []
    body.rest.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0]))
    body(x, c)
    # The weight of each condition's plane, spread over the nine places of the kernel.
    planes = body.condition.weight[:, :, None, None].expand(-1, -1, 3, 3) / 9
    kernel = torch.cat([body.first.weight, planes], 1)
    beside = torch.cat([x, c[:, :, None, None].expand(-1, -1, 9, 9)], 1)
    expected = F.conv2d(beside, kernel, body.first.bias, stride=2, padding=1)
    torch.testing.assert_close(found[0][:, :, 1:-1, 1:-1], expected[:, :, 1:-1, 1:-1])


def test_a_gated_layer_multiplies_by_its_gate() -> None:
    body = MLP((1, 2, 2), [], 3, nn.ReLU(), gated=True, condition_size=0)
    layer, x = body.layers[0], torch.rand(5, 1, 2, 2)
    value, gate = layer.value(x.flatten(1)), layer.gate(x.flatten(1))
    torch.testing.assert_close(body(x, torch.zeros(5, 0)), value / (1 + (-gate).exp()))


def test_halvings_are_the_sizes_that_convolutions_of_stride_2_give() -> None:
    assert halved_resolutions((3, 27, 31), 3) == [(27, 31), (14, 16), (7, 8), (4, 4)]


def test_data_that_are_not_images_are_an_error() -> None:
    with pytest.raises(UserError) as caught:
        halved_resolutions((8,), 2)
    assert str(caught.value) == (
        "conv networks need images of shape [C, H, W], but the data have shape [8]; set encoder=mlp decoder=mlp"
    )


def test_images_too_small_to_be_halved_are_an_error() -> None:
    assert halved_resolutions((1, 2, 8), 1)[-1] == (1, 4)
    with pytest.raises(UserError) as caught:
        halved_resolutions((1, 2, 8), 2)
    assert str(caught.value) == (
        "2 convolutions of stride 2 are too many for images of 2x8; give fewer channels, or set encoder=mlp decoder=mlp"
    )
