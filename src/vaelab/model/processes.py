"""What the processes of a run say to each other beside Lightning."""

import torch.distributed as dist
from torch import Tensor


def average_over_ranks(*values: Tensor) -> tuple[Tensor, ...]:
    """The mean over all processes of each value: Lightning synchronises only one backward pass of a step."""
    if dist.is_available() and dist.is_initialized():
        for value in values:
            dist.all_reduce(value)
            value /= dist.get_world_size()
    return values
