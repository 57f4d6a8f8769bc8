"""Work that all processes could do, done by one of them each."""

from collections.abc import Sequence
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

from vaelab.distributed.failure import agree

T = TypeVar("T")


def shard(items: Sequence[T]) -> Sequence[T]:
    """Every world_size-th of the items, which all processes have."""
    if not (dist.is_available() and dist.is_initialized()):
        return items
    return items[dist.get_rank() :: dist.get_world_size()]


def is_rank_zero() -> bool:
    """Whether this process is the one that speaks for all."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum of each process's value."""
    agree()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
