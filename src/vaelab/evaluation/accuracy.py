"""How often a label is recognised."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric


class Accuracy(Metric):
    """Share of examples whose highest logit is that of their label, over all examples of all processes."""

    full_state_update = False
    num: Tensor
    correct: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "correct"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"]) -> None:
        self.num += len(y)
        self.correct += (logits.argmax(1) == y).sum()

    def compute(self) -> tuple[Tensor, int]:
        """The share, and the number of examples behind it."""
        return self.correct / self.num, int(self.num)
