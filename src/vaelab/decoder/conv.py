"""Strided convolutional decoder, the mirror of the encoder."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.resolutions import halved_resolutions
from vaelab.ranges import Channels, Shape, Supplied, Width


class Conv(nn.Module):
    """Two dense layers, then 3x3 transposed convolutions of stride 2 up to the image.

    `channels` are in the encoder's order, from the image inwards.

    Args:
        shape: shape of one example, [C, H, W].
        latent_dim: D, elements of z.
        channels: filters of each convolution.
        num_features: width of the first dense layer.
        activation: the nonlinearity between layers.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """

    def __init__(
        self,
        shape: Shape,
        latent_dim: Supplied,
        channels: Channels,
        num_features: Width,
        activation: nn.Module,
        condition_size: Supplied,
        num_parameters: Supplied,
    ) -> None:
        super().__init__()
        sizes = halved_resolutions(shape, len(channels))[::-1]
        self.parameter_shape = (num_parameters, *shape)
        self.dense = nn.Sequential(
            nn.Linear(latent_dim + condition_size, num_features),
            activation,
            nn.Linear(num_features, channels[-1] * sizes[0][0] * sizes[0][1]),
            activation,
            nn.Unflatten(1, (channels[-1], *sizes[0])),
        )
        widths = [*reversed(channels), num_parameters * shape[0]]
        layers: list[nn.Module] = []
        for i, o, size in zip(widths[:-1], widths[1:], sizes[1:], strict=True):
            odd = (1 - size[0] % 2, 1 - size[1] % 2)  # 2n - 1 pixels, or 2n
            layers += [nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=odd), activation]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P C H W"]:
        h = self.dense(torch.cat([z, c], dim=1))
        return self.layers(h).unflatten(1, self.parameter_shape[:2])
