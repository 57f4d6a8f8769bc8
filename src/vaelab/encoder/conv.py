"""Strided convolutional encoder."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.resolutions import halved_resolutions
from vaelab.ranges import Channels, Shape, Supplied, Width


class Conv(nn.Module):
    """3x3 convolutions of stride 2, then one dense layer of `num_features`.

    The condition is a bias of the first convolution. That equals one constant label plane per class beside x, except
    at the zero padding, and costs nothing per pixel.

    Args:
        shape: shape of one example, [C, H, W].
        channels: filters of each convolution, from the image inwards.
        num_features: F, the size of the output [B, F].
        activation: the nonlinearity after each layer.
        condition_size: Y, the size of the condition.
    """

    def __init__(
        self,
        shape: Shape,
        channels: Channels,
        num_features: Width,
        activation: nn.Module,
        condition_size: Supplied,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        height, width = halved_resolutions(shape, len(channels))[-1]
        widths = [int(shape[0]), *channels]
        first, *rest = [nn.Conv2d(i, o, 3, stride=2, padding=1) for i, o in pairwise(widths)]
        self.first = first
        # nn.Linear draws no weights for zero inputs, and warns; an unconditional model has no such layer.
        self.condition = nn.Linear(condition_size, channels[0], bias=False) if condition_size else None
        self.rest = nn.Sequential(activation, *[layer for conv in rest for layer in (conv, activation)])
        self.dense = nn.Sequential(nn.Linear(channels[-1] * height * width, num_features), activation)

    def forward(self, x: Float[Tensor, "B C H W"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F"]:
        h = self.first(x)
        if self.condition is not None:
            h = h + self.condition(c)[:, :, None, None]
        return self.dense(self.rest(h).flatten(1))
