"""Fully connected layers, shared by encoders and decoders."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class Gated(nn.Module):
    """Linear map times a learned sigmoid gate, [.., I] -> [.., O].

    (W x + b) * sigmoid(V x + c)          (Dauphin et al. 2017, arXiv:1612.08083)

    Args:
        in_features: I.
        out_features: O.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.value = nn.Linear(in_features, out_features)
        self.gate = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.value(x) * self.gate(x).sigmoid()


def dense_layers(sizes: Sequence[int], activation: nn.Module, gated: bool) -> nn.Sequential:
    """One layer between each two successive `sizes`, either gated or followed by `activation`."""
    layers: list[nn.Module] = []
    for i, o in pairwise(sizes):
        layers += [Gated(i, o)] if gated else [nn.Linear(i, o), activation]
    return nn.Sequential(*layers)
