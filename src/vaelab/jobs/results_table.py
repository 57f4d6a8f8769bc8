"""Prints results as a table."""

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from vaelab.evaluation.record import Record
from vaelab.printing import print_line, print_table


def print_results(records: dict[str, Record], folder: Path) -> None:
    """Print one line per metric, then the warnings, then the folder."""
    print_table(results_table(records))
    for name in sorted(records):
        if warning := records[name].measurement.warning:
            print_line(f"{name}: {warning}")
    print_line(f"run folder: {folder}")


def results_table(records: dict[str, Record]) -> Table:
    """Metric, value, error, floor, number of examples and unit, in alphabetical order."""
    table = Table(title="test split", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("metric", overflow="fold")
    for column, width in {"value": 7, "±": 6, "floor": 6, "N": 5}.items():
        table.add_column(column, justify="right", no_wrap=True, min_width=width)
    table.add_column("unit", overflow="fold")
    for name in sorted(records):
        measurement = records[name].measurement
        numbers = (number(each) for each in (measurement.value, measurement.error, measurement.floor))
        table.add_row(Text(name), *numbers, str(measurement.num_examples), Text(measurement.unit))
    return table


def number(value: float | None) -> str:
    """Five significant digits, at most four decimals; empty for None."""
    if value is None:
        return ""
    places = max(0, 5 - len(f"{abs(value):.0f}"))
    return f"{value:.{places}f}"
