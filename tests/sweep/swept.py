"""What the tests of sweeps compare."""

import csv
from pathlib import Path


def figures(folder: Path) -> dict[str, dict[str, str]]:
    """Each job's overrides and its figures, whichever folder it has."""
    with (folder / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    own = {"job", "began", "ended", "sweep_name"}
    return {
        f"{row['seed']} {row.get('optimizer.lr', '')} {row.get('objective.beta', '')}": {
            key: row[key] for key in row if key not in own
        }
        for row in rows
    }
