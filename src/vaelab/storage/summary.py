"""What a table shows of a run, without opening a checkpoint."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from yaml import YAMLError

from vaelab.storage.reservation import is_run
from vaelab.storage.run import Run
from vaelab.storage.status import NAME, Status, read_status, state_of


@dataclass(frozen=True)
class Summary:
    """One run.

    Attributes:
        run: its folder.
        state: `running`, `finished`, `resumable`, `failed`, `pruned` or `submitted`.
        status: what its newest attempt wrote; None for a run of an earlier version.
        figures: the value of each metric in results.json; those that are not finite are left out.
    """

    run: Run
    state: str
    status: Status | None
    figures: dict[str, float]

    @property
    def overrides(self) -> tuple[str, ...]:
        """What it was started with; of a run without a status, what Hydra wrote down."""
        if self.status is not None and self.status.overrides:
            return self.status.overrides
        file = self.run.folder / ".hydra" / "overrides.yaml"
        try:
            found: Any = OmegaConf.to_container(OmegaConf.load(file))
        except (OSError, ValueError, YAMLError):
            return ()
        return tuple(map(str, found))

    @property
    def varying(self) -> tuple[str, ...]:
        """The overrides without the seed: what runs that differ only by chance have in common."""
        return tuple(one for one in self.overrides if not one.startswith("seed="))

    @property
    def sentence(self) -> str:
        """Why it failed or was stopped."""
        return "" if self.status is None else self.status.sentence


def summaries(folder: Path) -> list[Summary]:
    """The runs below a folder, in the natural order of their paths; failed jobs of a sweep are among them."""
    found = sorted(run_folders(folder), key=lambda path: natural_order(path.relative_to(folder)))
    return [summarize(each) for each in found]


def summarize(folder: Path) -> Summary:
    """One run folder."""
    return Summary(Run(folder), state_of(folder), read_status(folder), figures(folder / "results.json"))


def run_folders(folder: Path) -> Iterator[Path]:
    """The run folders below a folder, itself included; a job that failed before it had a config has one too."""
    for place, folders, files in os.walk(folder):
        path = Path(place)
        if is_run(path) or (NAME in files and read_status(path) is not None):
            yield path
            folders.clear()  # evaluations and checkpoints are no runs
        folders[:] = [name for name in folders if not name.startswith(".")]


def figures(results: Path) -> dict[str, float]:
    """The number of each metric of a results.json, but for what was not finite and is null there."""
    try:
        found = {key: record["value"] for key, record in json.loads(results.read_text()).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}


def natural_order(path: Path) -> list[tuple[int, str]]:
    """A key to sort by: text as it is, and numbers by their value, so that job 10 comes after job 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]
