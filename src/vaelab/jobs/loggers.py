"""A metrics.csv to which a resumed run appends."""

import csv
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger

from vaelab.storage.metrics import rows_before


def build_history(logger: CSVLogger, metrics: Path, step: int) -> None:
    """Restore the rows up to `step` of metrics.csv, which Lightning's logger empties when a run is resumed."""
    rows = rows_before(metrics, step)
    writer = logger.experiment
    if rows:
        writer.metrics_keys = list(rows[0])
        with metrics.open("w", newline="") as file:
            table = csv.DictWriter(file, writer.metrics_keys)
            table.writeheader()
            table.writerows(rows)
