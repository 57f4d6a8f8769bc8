"""Fully connected decoder."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.dense import dense
from vaelab.ranges import Shape, Supplied, Width, Widths


class MLP(nn.Module):
    """z and its condition, side by side, to `num_parameters` likelihood parameters per element of x."""

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
        self.layers = dense([latent_dim + condition_size, *hidden, num_features], activation, gated)
        self.head = nn.Linear(num_features, math.prod(self.parameter_shape))

    def forward(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        h = self.layers(torch.cat([z, c], dim=1))
        return self.head(h).unflatten(1, self.parameter_shape)
