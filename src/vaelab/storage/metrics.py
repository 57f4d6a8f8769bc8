"""Reads metrics.csv, in which a kill or a full disk may have left half a line."""

import csv
import logging
from pathlib import Path

log = logging.getLogger(__name__)


def rows_before(metrics: Path, step: int) -> list[dict[str, str]]:
    """The rows of steps before `step`. Damaged lines are skipped with one warning."""
    if not metrics.is_file():
        return []
    text = metrics.read_bytes().decode(errors="replace")
    lines = text.split("\n")
    cut = bool(lines.pop())  # the last line has no newline
    whole = [line.rstrip("\r") for line in lines]
    header = next(csv.reader(whole[:1]), [])
    rows = [dict(zip(header, values, strict=True)) for values in map(_values, whole[1:]) if _is_row(header, values)]
    if cut or len(rows) < len(whole[1:]):
        log.warning("%s has lines that are damaged; they are left out, the others stay", metrics)
    return [row for row in rows if int(row["step"]) < step]


def _values(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _is_row(header: list[str], values: list[str]) -> bool:
    """Whether there is a value for each column, and the step is an integer."""
    if "step" not in header or len(values) != len(header):
        return False
    return values[header.index("step")].isdecimal()
