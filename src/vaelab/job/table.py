"""Results as a person reads them."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from vaelab.evaluation.record import Record


def print_results(records: dict[str, Record], folder: Path) -> None:
    """One line per metric, then where everything is."""
    table = Table(title="test split")
    table.add_column("metric", no_wrap=True)
    for column in ("value", "±", "floor", "N", "k"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    for name in sorted(records):
        figure = records[name].figure
        numbers = (number(each) for each in (figure.value, figure.error, figure.floor))
        table.add_row(name, *numbers, str(figure.num_examples), str(figure.num_samples or ""), figure.unit)
    console = Console()
    console.print(table)
    for name in sorted(records):
        if warning := records[name].figure.warning:
            console.print(f"{name}: {warning}", soft_wrap=True, highlight=False)
    console.print(f"run folder: {folder}", soft_wrap=True, highlight=False)


def number(value: float | None) -> str:
    """Six digits; nothing for what was not measured."""
    return "" if value is None else f"{value:.6g}"
