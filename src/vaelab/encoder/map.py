"""Convolutional encoder whose features form a map."""

import math
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.residual import Residual
from vaelab.nn.resolutions import halved_resolutions
from vaelab.ranges import Channels, NonNegativeInt, Shape, Supplied, Width


class Map(nn.Module):
    """4x4 convolutions of stride 2, then residual blocks: a map [F, h, w] of features, flattened.

    van den Oord et al. 2017, arXiv:1711.00937, section 4.1. The condition enters as a bias of the first
    convolution.

    Args:
        shape: shape of one example, [C, H, W].
        channels: filters of each strided convolution, from the image inwards.
        num_features: F, features at each position.
        num_blocks: number of residual blocks.
        activation: the nonlinearity before each layer.
        condition_size: Y, the size of the condition.
    """

    def __init__(
        self,
        shape: Shape,
        channels: Channels,
        num_features: Width,
        num_blocks: NonNegativeInt,
        activation: nn.Module,
        condition_size: Supplied,
    ) -> None:
        super().__init__()
        self.feature_shape = (num_features, *halved_resolutions(shape, len(channels))[-1])
        self.num_features = math.prod(self.feature_shape)
        first, *rest = [Halving(i, o) for i, o in pairwise([int(shape[0]), *channels])]
        self.first = first
        # nn.Linear draws no weights for zero inputs, and warns; an unconditional model has no such layer.
        self.condition = nn.Linear(condition_size, channels[0], bias=False) if condition_size else None
        conv = partial(nn.Conv2d, kernel_size=3, padding=1)
        self.rest = nn.Sequential(
            *[layer for halving in rest for layer in (activation, halving)],
            activation,
            conv(channels[-1], num_features),
            *[Residual(num_features, conv, activation, num_blocks) for _ in range(num_blocks)],
        )

    def forward(self, x: Float[Tensor, "B C H W"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F"]:
        h = self.first(x)
        if self.condition is not None:
            h = h + self.condition(c)[:, :, None, None]
        return self.rest(h).flatten(1)


class Halving(nn.Conv2d):
    """4x4 convolution of stride 2: n rows become n / 2, rounded up."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        odd = [size % 2 for size in x.shape[2:]]
        return super().forward(nn.functional.pad(x, (1, 1 + odd[1], 1, 1 + odd[0])))
