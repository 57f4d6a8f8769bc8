"""Laws that each conf/decoder/*.yaml obeys."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from vaelab.config import build
from vaelab.nn.resolutions import halved_resolutions

FILES = sorted((Path(__file__).parents[2] / "conf" / "decoder").glob("*.yaml"))
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 64, 64), (2, 27, 31), (1, 12, 9)]
SMALL = {"mlp": [{"num_features": 24}, {"num_features": 24, "gated": True, "hidden": [16, 8]}], "affine": [{}]}
CASES = [(file, changes) for file in FILES for changes in SMALL.get(file.stem, [{"num_features": 24}])]

every_decoder = pytest.mark.parametrize(("file", "changes"), CASES, ids=[f"{f.stem}-{c}" for f, c in CASES])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_condition = pytest.mark.parametrize("size", [0, 10], ids=["plain", "conditional"])


def num_latents(file: Path, shape: tuple[int, ...]) -> int:
    """Six, or, of a decoder whose latents have places, six at each place."""
    return 6 * math.prod(halved_resolutions(shape, 2)[-1]) if file.stem == "map" else 6


def decoder(file: Path, changes: dict[str, Any], shape: tuple[int, ...], size: int, num_parameters: int) -> Any:
    config = {"data": {"shape": list(shape)}, "decoder": OmegaConf.load(file)}
    node = OmegaConf.create(config)
    node.decoder = OmegaConf.merge(node.decoder, changes)
    return build(node.decoder)(latent_dim=num_latents(file, shape), condition_size=size, num_parameters=num_parameters)


@every_decoder
@every_shape
@every_condition
@pytest.mark.parametrize("num_parameters", [1, 3])
def test_parameters_of_each_element_and_a_gradient_for_every_weight(
    file: Path, changes: dict[str, Any], shape: tuple[int, ...], size: int, num_parameters: int
) -> None:
    body = decoder(file, changes, shape, size, num_parameters)
    z, c = torch.randn(5, num_latents(file, shape)), torch.rand(5, size)
    parameters = body(z, c)
    assert parameters.shape == (5, num_parameters, *shape)
    parameters.square().sum().backward()
    for parameter in body.parameters():
        assert parameter.grad is not None
        assert (parameter.grad != 0).any()
    torch.testing.assert_close(body(z[2:3], c[2:3]), parameters[2:3])


@every_decoder
def test_every_element_depends_on_the_latent(file: Path, changes: dict[str, Any]) -> None:
    body = decoder(file, changes, (2, 9, 7), 0, 2)
    spread = body(torch.randn(200, num_latents(file, (2, 9, 7))), torch.zeros(200, 0)).std(0)
    assert (spread > 0).all()


@every_decoder
def test_depends_on_its_condition(file: Path, changes: dict[str, Any]) -> None:
    body = decoder(file, changes, (1, 8, 8), 10, 1)
    z = torch.randn(1, num_latents(file, (1, 8, 8)))
    parameters = body(z.expand(10, -1), torch.eye(10))
    assert len(parameters.detach().flatten(1).unique(dim=0)) == 10
