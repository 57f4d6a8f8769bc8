"""The resolutions of images between strided convolutions."""

import math
from collections.abc import Sequence

from vaelab.errors import UserError


def halved_resolutions(shape: Sequence[int], num_layers: int) -> list[tuple[int, int]]:
    """Height and width of the image and after each of `num_layers` convolutions of stride 2.

    Raises UserError for data that are not images, or too small to be halved that often.
    """
    if len(shape) != 3:
        raise UserError(
            f"conv networks need images of shape [C, H, W], but the data have shape {list(shape)}; "
            "set encoder=mlp decoder=mlp"
        )
    sizes = [(int(shape[1]), int(shape[2]))]
    for _ in range(num_layers):
        sizes.append((math.ceil(sizes[-1][0] / 2), math.ceil(sizes[-1][1] / 2)))
    if num_layers and 1 in sizes[-2]:
        raise UserError(
            f"{num_layers} convolutions of stride 2 are too many for images of {shape[1]}x{shape[2]}; "
            "give fewer channels, or set encoder=mlp decoder=mlp"
        )
    return sizes
