"""One of the ranks that wait for rank 0."""

import os
import time
from pathlib import Path
from typing import Any

from vaelab.cli import ranks
from vaelab.cli.ranks import from_rank_zero
from vaelab.errors import UserError


def refuse() -> str:
    raise UserError("no such place")


def rank(environment: dict[str, str], delay: float, folder: Path, timeout: float, refuses: bool) -> None:
    os.environ.update(environment)
    ranks.TIMEOUT = timeout
    time.sleep(delay)
    try:
        found: Any = from_rank_zero(refuse if refuses else lambda: f"chosen by {environment['RANK']}")
    except UserError as error:
        found = f"refused: {error}"
    (folder / f"{environment['RANK']}.txt").write_text(found)
    deadline = time.monotonic() + timeout
    while environment["RANK"] == "0" and len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)  # rank 0 holds the store
