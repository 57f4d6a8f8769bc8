"""The input of the checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from vaelab.evaluation.context import EvaluationContext
from vaelab.health.check_result import CheckResult
from vaelab.health.history import History


@dataclass(frozen=True, eq=False)
class CheckContext:
    """A model on examples of its validation split, and facts about its training.

    `ends` are the steps at which schedules of the KL control settle, by field; `step` is that of the weights.
    """

    evaluation: EvaluationContext
    ends: Mapping[str, int]
    step: int
    history: History


class Check(Protocol):
    """One line of the checklist; "not applicable" for models that it has no meaning for."""

    def __call__(self, check_context: CheckContext) -> CheckResult: ...
