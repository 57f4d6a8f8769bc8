"""One line of the checklist, and its output as JSON and as a table."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich import box
from rich.table import Table
from rich.text import Text

from vaelab.evaluation.measurement import finite_or_none
from vaelab.printing import print_table

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
SHOWN = {PASSED: Text("passed", "green"), FAILED: Text("FAILED", "bold red"), NOT_APPLICABLE: Text("n/a", "dim")}


@dataclass(frozen=True)
class CheckResult:
    """What one check found: a verdict, the value that it rests on, and a sentence.

    Of a failed line the sentence is place, fact and way out. `details` are the numbers behind the value, by name.
    """

    name: str
    verdict: str
    message: str
    value: float | None = None
    unit: str = ""
    details: dict[str, float] = field(default_factory=dict)


def pass_or_fail(name: str, fine: bool, value: float, unit: str, fact: str, way_out: str) -> CheckResult:
    """A line that passes with a fact, or fails with the fact and a way out; NaN and infinity fail."""
    fine = fine and math.isfinite(value)
    message = fact if fine else f"{fact}; {way_out}"
    return CheckResult(name, PASSED if fine else FAILED, message, value, unit)


def not_applicable(name: str, reason: str) -> CheckResult:
    """A line that has no meaning for this model or its data."""
    return CheckResult(name, NOT_APPLICABLE, reason)


def as_json(lines: Sequence[CheckResult]) -> str:
    """The lines by their names, null in the place of a number that is not finite, which JSON does not know."""
    found = {
        line.name: asdict(line) | {"value": finite_or_none(line.value), "details": finite_details(line)}
        for line in lines
    }
    for keys in found.values():
        del keys["name"]
    return json.dumps(found, indent=2, allow_nan=False) + "\n"


def finite_details(line: CheckResult) -> dict[str, float | None]:
    """The numbers behind a line's value."""
    return {name: finite_or_none(value) for name, value in line.details.items()}


def print_lines(title: str, lines: Sequence[CheckResult]) -> None:
    """The checklist as a table."""
    # As Text: of a string, rich would take what stands in brackets for a style.
    table = Table(title=Text(title), box=box.SIMPLE_HEAD)
    table.add_column("line", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("message", overflow="fold")
    for line in lines:
        table.add_row(Text(line.name), SHOWN[line.verdict], Text(format_value(line)), Text(line.message))
    print_table(table)


def format_value(line: CheckResult) -> str:
    """The value to three places, or to its last, with its unit."""
    if line.value is None:
        return ""
    return f"{line.value:,.0f} {line.unit}" if abs(line.value) >= 1000 else f"{line.value:.3g} {line.unit}"


def failed_checks(lines: Sequence[CheckResult]) -> list[str]:
    """The names of the lines that failed."""
    return [line.name for line in lines if line.verdict == FAILED]
