"""The values that a search optimises, read from the folder of a run that has finished."""

import json
from collections.abc import Sequence
from typing import Any

from vaelab.errors import UserError
from vaelab.storage.metrics import rows_before
from vaelab.storage.run import Run
from vaelab.storage.summary import figures


def objective_values(run: Run, names: Sequence[str]) -> list[float]:
    """`val/<metric>` from metrics.csv at the checkpoint that was measured, `test/<metric>` from results.json.

    Raises:
        UserError: the run has no such value.
    """
    results = {f"test/{name}": value for name, value in figures(run.folder / "results.json").items()}
    found = {**validation(run), **results}
    for name in names:
        if name not in found:
            known = ", ".join(sorted(found)) or "nothing"
            raise UserError(f"{run.folder} has no {name} for the search to optimise; it has {known}")
    return [found[name] for name in names]


def validation(run: Run) -> dict[str, float]:
    """The last validation before the checkpoint that results.json is of."""
    file = run.folder / "results.json"
    records: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    step = next((record["checkpoint"]["step"] for record in records.values()), 0)
    rows = [row for row in rows_before(run.metrics_file, int(step)) if row.get("val/elbo")]
    return {name: float(text) for name, text in rows[-1].items() if text and name != "step"} if rows else {}
