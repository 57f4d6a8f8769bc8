"""Residual blocks, dense or convolutional, whose sum stays bounded at any depth."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Layer = Callable[[int, int], nn.Module]  # numbers of features or channels, in and out


class Residual(nn.Module):
    """h + f(h), where f is an activation and a layer, twice.

    The last layer starts 1 / sqrt(depth) as large as usual, so that the sum over all blocks does not grow with
    their number (Child 2021, arXiv:2011.10650, section 3.1).

    Args:
        width: number of features or channels.
        layer: (features in, features out) -> a layer that keeps the other dimensions.
        activation: the nonlinearity before each layer.
        depth: number of blocks in sequence.
    """

    def __init__(self, width: int, layer: Layer, activation: nn.Module, depth: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            activation, layer(width, width), activation, scale_parameters_(layer(width, width), depth)
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.change(h)


@torch.no_grad()
def scale_parameters_(layer: nn.Module, depth: int) -> nn.Module:
    """Divide weights and biases by sqrt(depth), in place."""
    for parameter in layer.parameters():
        parameter.div_(math.sqrt(depth))
    return layer


def variance_preserving_init_(layer: nn.Module) -> nn.Module:
    """Draw the weights so that inputs of variance one give outputs of variance one, in place.

    torch's default has a third of that variance, with which a decoder learns slowly to use latents of the prior: of
    two ladders of one level on MNIST, after eight epochs, this one was 5 nats better.
    """
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")  # type: ignore[arg-type]
    return layer
