"""Results as a person reads them."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from vaelab.evaluation.record import Record


def print_results(records: dict[str, Record], folder: Path) -> None:
    """One line per metric, then where everything is."""
    table = Table(title="test split")
    table.add_column("metric")
    for column in ("value", "N", "k"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    for name in sorted(records):
        record = records[name]
        k = str(record.num_samples) if record.num_samples else ""
        table.add_row(name, f"{record.value:.4f}", str(record.num_examples), k, record.unit)
    console = Console()
    console.print(table)
    console.print(f"run folder: {folder}", soft_wrap=True, highlight=False)
