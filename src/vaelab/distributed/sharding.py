"""Shards work over processes."""

from collections.abc import Sequence
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

from vaelab.distributed.failure import agree

T = TypeVar("T")


def shard(items: Sequence[T]) -> Sequence[T]:
    """This process's shard: every world_size-th of the items."""
    if not (dist.is_available() and dist.is_initialized()):
        return items
    return items[dist.get_rank() :: dist.get_world_size()]


def is_rank_zero() -> bool:
    """Whether this process is rank 0."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum of a value over all processes."""
    agree()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value
