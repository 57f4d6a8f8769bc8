"""The rate of each latent group."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

MAX_COLUMNS = 64  # a code map may have thousands of groups, which no table and no plot could show


class GroupKL(Metric):
    """Mean KL(q || p) of each latent group over all examples of all processes, in nats, summed in float64.

    The means add up to the rate. Of more than 64 groups, equally many consecutive ones share a number, which is their
    sum, so that at most 64 numbers remain. Its key is the index of the first group.

    >>> metric = GroupKL()
    >>> metric.update(torch.tensor([[1.0, 0.0], [2.0, 0.5]]))
    >>> {index: value.item() for index, value in metric.compute().items()}
    {0: 1.5, 1: 0.25}
    """

    full_state_update = False
    num: Tensor
    sums: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.width = 0  # groups per number, unknown before the first chunk
        self.add_state("num", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, kl: Float[Tensor, "B G"]) -> None:
        if not self.width:
            self.width = -(-kl.shape[1] // MAX_COLUMNS)
            num_columns = -(-kl.shape[1] // self.width)
            zeros = torch.zeros(num_columns, dtype=torch.float64, device=kl.device)
            self.add_state("sums", zeros, dist_reduce_fx="sum")
        self.num += len(kl)
        self.sums += torch.stack([columns.sum() for columns in kl.double().sum(0).split(self.width)])

    def compute(self) -> dict[int, Tensor]:
        """The mean of each group, or sum of means of each bundle of groups, by the index of its first group."""
        return {place * self.width: mean for place, mean in enumerate(self.sums.reshape(-1) / self.num)}
