"""Convolutional decoder of a map of latents."""

from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.errors import UserError
from vaelab.nn.residual import Residual
from vaelab.nn.resolutions import halved_resolutions
from vaelab.ranges import Channels, NonNegativeInt, Shape, Supplied, Width


class Map(nn.Module):
    """z as a map [E, h, w], residual blocks of `num_features`, then 4x4 transposed convolutions of stride 2.

    van den Oord et al. 2017, arXiv:1711.00937, section 4.1. `channels` are in the encoder's order, from the
    image inwards.

    Args:
        shape: shape of one example, [C, H, W].
        latent_dim: D, elements of z.
        channels: filters of each transposed convolution.
        num_features: channels of the residual blocks.
        num_blocks: number of residual blocks.
        activation: the nonlinearity before each layer.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """

    def __init__(
        self,
        shape: Shape,
        latent_dim: Supplied,
        channels: Channels,
        num_features: Width,
        num_blocks: NonNegativeInt,
        activation: nn.Module,
        condition_size: Supplied,
        num_parameters: Supplied,
    ) -> None:
        super().__init__()
        self.sizes = halved_resolutions(shape, len(channels))[::-1]
        self.parameter_shape = (num_parameters, *shape)
        height, width = self.sizes[0]
        if latent_dim % (height * width):
            raise UserError(
                f"decoder=map needs the same number of latents at each of {height}x{width} positions, but there are "
                f"{latent_dim} latents; "
                "set encoder=map latent=quantized with the same number of channels, or decoder=conv"
            )
        conv = partial(nn.Conv2d, kernel_size=3, padding=1)
        self.first = conv(latent_dim // (height * width), num_features)
        self.condition = nn.Linear(condition_size, num_features, bias=False) if condition_size else None
        self.blocks = nn.Sequential(
            *[Residual(num_features, conv, activation, num_blocks) for _ in range(num_blocks)],
            activation,
            conv(num_features, channels[-1]),
        )
        widths = [*reversed(channels), num_parameters * shape[0]]
        doublings = [nn.ConvTranspose2d(i, o, 4, stride=2, padding=1) for i, o in pairwise(widths)]
        self.doublings = nn.ModuleList(nn.Sequential(activation, layer) for layer in doublings)

    def forward(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P C H W"]:
        h = self.first(z.unflatten(1, (-1, *self.sizes[0])))
        if self.condition is not None:
            h = h + self.condition(c)[:, :, None, None]
        h = self.blocks(h)
        for double, (height, width) in zip(self.doublings, self.sizes[1:], strict=True):
            h = double(h)[:, :, :height, :width]  # 2n rows; an image of 2n - 1 rows drops the last
        return h.unflatten(1, self.parameter_shape[:2])
