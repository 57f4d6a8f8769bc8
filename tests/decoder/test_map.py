"""The decoder of latents with positions."""

import pytest
import torch
from torch import nn

from vaelab.decoder.map import Map
from vaelab.errors import UserError

GIVEN = {"channels": [4, 8], "num_features": 8, "num_blocks": 1, "activation": nn.ReLU(), "condition_size": 0}


def test_a_latent_acts_around_its_position() -> None:
    body = Map((1, 32, 32), 2 * 64, **GIVEN, num_parameters=1)
    z = torch.zeros(1, 2 * 64)
    moved = z.view(1, 2, 8, 8).clone()
    moved[0, :, 0, 0] = 1
    change = (body(moved.flatten(1), z[:, :0]) - body(z, z[:, :0]))[0, 0, 0] != 0
    assert change[:4, :4].any()
    assert not change[24:].any()
    assert not change[:, 24:].any()


def test_latents_without_positions_are_an_error() -> None:
    with pytest.raises(UserError) as caught:
        Map((1, 8, 8), 6, **GIVEN, num_parameters=1)
    assert str(caught.value) == (
        "decoder=map needs the same number of latents at each of 2x2 positions, but there are 6 latents; "
        "set encoder=map latent=quantized with the same number of channels, or decoder=conv"
    )
