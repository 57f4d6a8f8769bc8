"""Results as a person reads them."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from vaelab.evaluation.record import Record


def print_results(records: dict[str, Record], folder: Path) -> None:
    """One line per metric, then what should not be believed, then where everything is."""
    table = Table(title="test split", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("metric", no_wrap=True)
    for column, width in {"value": 7, "±": 6, "floor": 6, "N": 5}.items():
        table.add_column(column, justify="right", no_wrap=True, min_width=width)
    table.add_column("unit", no_wrap=True, max_width=24)
    for name in sorted(records):
        figure = records[name].figure
        numbers = (number(each) for each in (figure.value, figure.error, figure.floor))
        table.add_row(name, *numbers, str(figure.num_examples), figure.unit)
    console = Console()
    console.print(table)
    for name in sorted(records):
        if warning := records[name].figure.warning:
            console.print(f"{name}: {warning}", soft_wrap=True, highlight=False)
    console.print(f"run folder: {folder}", soft_wrap=True, highlight=False)


def number(value: float | None) -> str:
    """Five digits, and at most four places; nothing for what was not measured."""
    if value is None:
        return ""
    places = max(0, 5 - len(f"{abs(value):.0f}"))
    return f"{value:.{places}f}"
