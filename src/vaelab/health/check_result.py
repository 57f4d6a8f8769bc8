"""The result of one check, and its output as JSON and as a table."""

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
    """The result of one check: a verdict, a value with its unit, and a sentence.

    The sentence of a failed check says place, fact and way out. `details` are further numbers, by name.
    """

    name: str
    verdict: str
    message: str
    value: float | None = None
    unit: str = ""
    details: dict[str, float] = field(default_factory=dict)


def pass_or_fail(name: str, fine: bool, value: float, unit: str, fact: str, way_out: str) -> CheckResult:
    """A result that passes with a fact, or fails with the fact and a way out; NaN and infinity fail."""
    fine = fine and math.isfinite(value)
    message = fact if fine else f"{fact}; {way_out}"
    return CheckResult(name, PASSED if fine else FAILED, message, value, unit)


def not_applicable(name: str, reason: str) -> CheckResult:
    """The result of a check that does not apply to this model or its data."""
    return CheckResult(name, NOT_APPLICABLE, reason)


def as_json(lines: Sequence[CheckResult]) -> str:
    """The results by name; numbers that are not finite become null, since JSON has no NaN."""
    found = {
        line.name: asdict(line) | {"value": finite_or_none(line.value), "details": finite_details(line)}
        for line in lines
    }
    for keys in found.values():
        del keys["name"]
    return json.dumps(found, indent=2, allow_nan=False) + "\n"


def finite_details(line: CheckResult) -> dict[str, float | None]:
    """The details of a result; None for numbers that are not finite."""
    return {name: finite_or_none(value) for name, value in line.details.items()}


def print_lines(title: str, lines: Sequence[CheckResult]) -> None:
    """Print the results as a table."""
    # As Text: in a string, Rich would parse brackets as markup.
    table = Table(title=Text(title), box=box.SIMPLE_HEAD)
    table.add_column("line", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("message", overflow="fold")
    for line in lines:
        table.add_row(Text(line.name), SHOWN[line.verdict], Text(format_value(line)), Text(line.message))
    print_table(table)


def format_value(line: CheckResult) -> str:
    """The value with its unit, to three significant digits, or as a whole number from 1000 on."""
    if line.value is None:
        return ""
    return f"{line.value:,.0f} {line.unit}" if abs(line.value) >= 1000 else f"{line.value:.3g} {line.unit}"


def failed_checks(lines: Sequence[CheckResult]) -> list[str]:
    """The names of the checks that failed."""
    return [line.name for line in lines if line.verdict == FAILED]
