"""What the checks look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from vaelab.evaluation.context import EvaluationContext
from vaelab.health.check_result import CheckResult
from vaelab.health.history import History


@dataclass(frozen=True, eq=False)
class CheckContext:
    """A model on some examples of its validation split, and what its training left to know.

    `ends` are the steps at which schedules of the KL control settle, by field; `step` is that of the weights.
    """

    evaluation: EvaluationContext
    ends: Mapping[str, int]
    step: int
    history: History


class Check(Protocol):
    """One line of the checklist. Of a model that it has no meaning for it says so, and never raises."""

    def __call__(self, check_context: CheckContext) -> CheckResult: ...
