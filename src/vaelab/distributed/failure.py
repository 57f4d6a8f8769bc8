"""Failures that are raised on all processes together, so that none waits for another in a collective."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

import torch.distributed as dist
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from vaelab.errors import Interrupted, UserError

T = TypeVar("T")


class Failure(NamedTuple):
    """Why a task failed; `depth` is its nesting level, such as 2 for one score of a measure."""

    depth: int
    reason: str


class FailedTogetherError(Exception):
    """A process failed, and all processes raise this error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def attempt_together(function: Callable[[], T], depth: int) -> T:
    """Call the function on all processes and return its result.

    Raises:
        FailedTogetherError: it raised an exception on some process.
    """
    try:
        found = function()
    except (FailedTogetherError, Interrupted):
        raise
    except Exception as error:  # a plugin may raise anything
        fail_together(Failure(depth, reason(error)), error)
    agree()
    return found


def agree(failure: Failure | None = None) -> None:
    """Exchange failures before a collective; raise FailedTogetherError on all processes if one has failed.

    A failed process calls this once, in place of the next call of the other processes. Of several failures, the one of
    the outermost task counts, then that of the lowest rank.
    """
    told: list[Failure | None] = [failure]
    if dist.is_available() and dist.is_initialized():
        told = [None] * dist.get_world_size()
        dist.all_gather_object(told, failure)
    if failures := [one for one in told if one is not None]:
        raise FailedTogetherError(min(failures, key=lambda one: one.depth))


def fail_together(failure: Failure, error: Exception) -> NoReturn:
    try:
        agree(failure)
    except FailedTogetherError as known:
        raise known from error
    raise AssertionError("agree raises every failure")


def gather(value: Tensor, group: Any = None) -> list[Tensor]:
    """One tensor of each process; the `dist_sync_fn` of metrics."""
    agree()
    return gather_all_tensors(value, group)


def reason(error: Exception) -> str:
    """One sentence: the message of a UserError, else the exception's type and the first line of its message."""
    if isinstance(error, UserError):
        return str(error)
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
