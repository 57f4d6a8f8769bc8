"""Fully connected encoder."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.dense import dense
from vaelab.ranges import Shape, Supplied, Width, Widths


class MLP(nn.Module):
    """x and its condition, flattened side by side, through `hidden` layers to `num_features`."""

    def __init__(
        self,
        shape: Shape,
        hidden: Widths,
        num_features: Width,
        activation: nn.Module,
        gated: bool,
        condition_size: Supplied,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.layers = dense([math.prod(shape) + condition_size, *hidden, num_features], activation, gated)

    def forward(self, x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F"]:
        return self.layers(torch.cat([x.flatten(1), c], dim=1))
