"""No condition."""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from vaelab.ranges import NonNegativeInt


class NoCondition(nn.Module):
    """y -> [B, 0]: the parts get no label, even if the data have labels.

    Args:
        size: not used.
    """

    def __init__(self, size: NonNegativeInt = 0) -> None:
        super().__init__()
        assert size == 0, "the size must be 0"
        self.size = size

    def forward(self, y: Int[Tensor, " B"] | None, like: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B 0"]:
        return torch.zeros(like.shape[0], 0, device=like.device)
