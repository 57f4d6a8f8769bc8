"""Did every KL schedule end before the checkpoint was chosen?"""

from collections.abc import Mapping
from dataclasses import dataclass

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail

NAME = "KL schedule"


@dataclass(frozen=True)
class KLSchedule:
    """Every schedule of the KL control ended before the step of the checkpoint."""

    def __call__(self, check_context: CheckContext) -> CheckResult:
        return schedule_line(check_context.ends, check_context.step, "the checkpoint is of step", "train longer")


def schedule_line(ends: Mapping[str, int], step: int, moment: str, way_out: str) -> CheckResult:
    """The result of checking that all schedules have ended at a step."""
    last = max(ends.values(), default=0)
    if last == 0:
        return not_applicable(NAME, "no schedule writes to the KL control")
    fields = ", ".join(sorted(field for field, end in ends.items() if end))
    fact = f"the schedule of {fields} ends at step {last}, and {moment} {step}"
    return pass_or_fail(
        NAME, step >= last, last, "steps", fact, f"{way_out} or shorten the schedule (kl.steps or kl.epochs)"
    )
