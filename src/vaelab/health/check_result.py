"""One line of the checklist, and how the checklist is read."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich import box
from rich.table import Table
from rich.text import Text

from vaelab.evaluation.measurement import finite
from vaelab.printing import print_table

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
SHOWN = {PASSED: Text("passed", "green"), FAILED: Text("FAILED", "bold red"), NOT_APPLICABLE: Text("n/a", "dim")}


@dataclass(frozen=True)
class Line:
    """What one check found: a verdict, the figure that it rests on, and a sentence.

    Of a failed line the sentence is place, fact and way out. `each` are the numbers behind the figure, by name.
    """

    name: str
    verdict: str
    says: str
    figure: float | None = None
    unit: str = ""
    each: dict[str, float] = field(default_factory=dict)


def judged(name: str, fine: bool, figure: float, unit: str, fact: str, way_out: str) -> Line:
    """A line that passes with a fact, or fails with the fact and a way out; what is no number never passes."""
    fine = fine and math.isfinite(figure)
    says = fact if fine else f"{fact}; {way_out}"
    return Line(name, PASSED if fine else FAILED, says, figure, unit)


def not_applicable(name: str, reason: str) -> Line:
    """A line that has no meaning for this model or its data."""
    return Line(name, NOT_APPLICABLE, reason)


def as_json(lines: Sequence[Line]) -> str:
    """The lines by their names, null in the place of a number that is not finite, which JSON does not know."""
    found = {line.name: asdict(line) | {"figure": finite(line.figure), "each": all_finite(line)} for line in lines}
    for keys in found.values():
        del keys["name"]
    return json.dumps(found, indent=2, allow_nan=False) + "\n"


def all_finite(line: Line) -> dict[str, float | None]:
    """The numbers behind a line's figure."""
    return {name: finite(value) for name, value in line.each.items()}


def print_lines(title: str, lines: Sequence[Line]) -> None:
    """The checklist as a table."""
    # As Text: of a string, rich would take what stands in brackets for a style.
    table = Table(title=Text(title), box=box.SIMPLE_HEAD)
    table.add_column("line", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("figure", overflow="fold")
    table.add_column("what it says", overflow="fold")
    for line in lines:
        table.add_row(Text(line.name), SHOWN[line.verdict], Text(shown(line)), Text(line.says))
    print_table(table)


def shown(line: Line) -> str:
    """The figure to three places, or to its last, with its unit."""
    if line.figure is None:
        return ""
    return f"{line.figure:,.0f} {line.unit}" if abs(line.figure) >= 1000 else f"{line.figure:.3g} {line.unit}"


def failed(lines: Sequence[Line]) -> list[str]:
    """The names of the lines that failed."""
    return [line.name for line in lines if line.verdict == FAILED]
