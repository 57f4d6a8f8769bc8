"""Fully connected encoder."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.nn.dense import dense_layers
from vaelab.ranges import Shape, Supplied, Width, Widths


class MLP(nn.Module):
    """Dense layers: x, flattened, and its condition -> features [B, F].

    Args:
        shape: shape of one example.
        hidden: widths of the layers before the last one.
        num_features: F, the width of the last layer.
        activation: the nonlinearity after each layer, if not `gated`.
        gated: whether each layer is multiplied by a learned gate.
        condition_size: Y, the size of the condition.
    """

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
        self.layers = dense_layers([math.prod(shape) + condition_size, *hidden, num_features], activation, gated)

    def forward(self, x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F"]:
        return self.layers(torch.cat([x.flatten(1), c], dim=1))
