"""What fails on one process fails on all of them, so that none waits for another."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

import torch.distributed as dist
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from vaelab.errors import Interrupted, UserError

T = TypeVar("T")


class Failure(NamedTuple):
    """What could not be done, and why: `depth` tells a part of a task, such as one score, from the whole."""

    depth: int
    reason: str


class FailedTogetherError(Exception):
    """A process could not do its share, and all processes know."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def attempt_together(function: Callable[[], T], depth: int) -> T:
    """What the function returns, on all processes, or on none of them.

    Raises:
        FailedTogetherError: it raised an exception on some process, whichever and wherever.
    """
    try:
        found = function()
    except (FailedTogetherError, Interrupted):
        raise
    except Exception as error:  # whatever somebody else's code raises, the other measures go on
        fail_together(Failure(depth, reason(error)), error)
    agree()
    return found


def agree(failure: Failure | None = None) -> None:
    """Tell the others that all is well here, or what failed, before anything that takes all of them.

    A process that fails tells so once, in the place of whatever the others meet at next. Of several failures counts
    the one of the largest part, then that of the first process.
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
    raise AssertionError("a failure that is told is raised")


def gather(value: Tensor, group: Any = None) -> list[Tensor]:
    """One tensor of each process, as torchmetrics gathers the states of a metric."""
    agree()
    return gather_all_tensors(value, group)


def reason(error: Exception) -> str:
    """One sentence: what a user did, or somebody else's exception by its type and the first line of what it says."""
    if isinstance(error, UserError):
        return str(error)
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
