"""The input of the checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from vaelab.evaluation.context import EvaluationContext
from vaelab.health.check_result import CheckResult
from vaelab.health.history import History


@dataclass(frozen=True, eq=False)
class CheckContext:
    """A model on examples of its validation split, and counts of its training.

    `ends` maps each field of the KL control to the step at which its schedule ends; `step` is the checkpoint's step.
    """

    evaluation: EvaluationContext
    ends: Mapping[str, int]
    step: int
    history: History


class Check(Protocol):
    """A check of a trained model; returns "not applicable" for models to which it does not apply."""

    def __call__(self, check_context: CheckContext) -> CheckResult: ...
