"""Fully connected decoder."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.dense import dense_layers
from vaelab.ranges import Shape, Supplied, Width, Widths


class MLP(nn.Module):
    """Dense layers: z and its condition -> likelihood parameters [N, P, *shape].

    Args:
        shape: shape of one example.
        latent_dim: D, elements of z.
        hidden: widths of the layers before the last hidden one.
        num_features: width of the last hidden layer.
        activation: the nonlinearity after each layer, if not `gated`.
        gated: whether each layer is multiplied by a learned gate.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """

    def __init__(
        self,
        shape: Shape,
        latent_dim: Supplied,
        hidden: Widths,
        num_features: Width,
        activation: nn.Module,
        gated: bool,
        condition_size: Supplied,
        num_parameters: Supplied,
    ) -> None:
        super().__init__()
        self.parameter_shape = (num_parameters, *shape)
        self.layers = dense_layers([latent_dim + condition_size, *hidden, num_features], activation, gated)
        self.head = nn.Linear(num_features, math.prod(self.parameter_shape))

    def forward(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        h = self.layers(torch.cat([z, c], dim=1))
        return self.head(h).unflatten(1, self.parameter_shape)
