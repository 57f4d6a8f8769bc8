"""The class label as condition."""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from vaelab.errors import UserError
from vaelab.ranges import NumClasses

NO_LABELS = "condition 'label' needs labels, but the data has none; choose data with labels or set condition=none"


class Label(nn.Module):
    """y -> one-hot [B, size], for `size` classes.

    Args:
        size: number of classes.
    """

    def __init__(self, size: NumClasses) -> None:
        super().__init__()
        if not size:
            raise UserError(NO_LABELS)
        self.size = size

    def forward(self, y: Int[Tensor, " B"] | None, like: Shaped[Tensor, "B ..."]) -> Float[Tensor, "B C"]:
        if y is None:
            raise UserError(NO_LABELS)
        # Unlike F.one_hot, this does not read the values on the host, which would synchronise a GPU.
        one_hot = torch.zeros(like.shape[0], self.size, device=like.device)
        return one_hot.scatter_(1, y.to(like.device).unsqueeze(1), 1.0)
