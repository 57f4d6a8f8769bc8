"""What an evaluation keeps while it is under way, so that it can be stopped and go on."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any

import torch
from torchmetrics import Metric

from vaelab.evaluation.measurement import Measurement
from vaelab.storage.atomic import replacement, write

log = logging.getLogger(__name__)

INTERVAL = 10.0  # seconds between two writes of one loop's states


@dataclass
class ResultCache:
    """The measurements of each measure that has finished, and the states of the loop that has not, under `folder`.

    Figures do not depend on the number of processes, so those of another number are taken over; the states of a
    loop belong to one process of `world_size`.
    """

    folder: Path
    rank: int
    world_size: int
    written: float = field(default_factory=monotonic)
    complained: bool = False

    def finished(self, measure: str) -> tuple[list[Measurement], list[str], float] | None:
        """Figures, sentences on what was left out, and seconds of a measure that has finished."""
        path = self.folder / f"{measure}.json"
        try:
            kept = json.loads(path.read_text())
            skipped = [str(sentence) for sentence in kept["skipped"]]
            return [Measurement.from_json(each) for each in kept["measurements"]], skipped, float(kept["seconds"])
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            RecursionError,
        ):  # not there, or spoilt: it is measured again
            return None

    def finish(self, measure: str, measurements: Iterable[Measurement], skipped: list[str], seconds: float) -> None:
        """Keep what a measure found."""
        kept = {"measurements": [each.as_json() for each in measurements], "skipped": skipped, "seconds": seconds}
        with self.tolerant():
            write(self.folder / f"{measure}.json", json.dumps(kept, allow_nan=False))

    def resume(self, loop: str, metric: Metric) -> int:
        """How many items of a loop this process has done before; the metric gets the states it had then."""
        path = self.states(loop)
        if not path.is_file():
            return 0
        try:
            kept: dict[str, Any] = torch.load(path, map_location=metric.device, weights_only=True)
            states, done = {name: kept["states"][name] for name in metric.metric_state}, int(kept["done"])
        except Exception as error:  # whatever a broken file makes a reader say
            log.warning("%s is damaged (%s); what it held is measured again", path, type(error).__name__)
            return 0
        for name, state in states.items():
            setattr(metric, name, state)
        return done

    def keep(self, loop: str, metric: Metric, done: int) -> None:
        """Write the states of a loop, unless that was done a moment ago."""
        if monotonic() - self.written < INTERVAL:
            return
        self.written = monotonic()
        path = self.states(loop)
        with self.tolerant(), replacement(path) as file:
            torch.save({"done": done, "states": metric.metric_state}, file)

    @contextmanager
    def tolerant(self) -> Iterator[None]:
        """Inside, what cannot be written is said once: an evaluation only loses that it could go on after a stop."""
        try:
            yield
        except (OSError, RuntimeError) as error:  # the second is how torch says that a disk is full
            if not self.complained:
                log.warning("%s cannot be written (%s); a stop would lose what was measured", self.folder, error)
            self.complained = True

    def states(self, loop: str) -> Path:
        return self.folder / f"{loop}.{self.rank}of{self.world_size}.pt"

    def discard(self) -> None:
        """Forget everything: the measurements are where they belong."""
        rmtree(self.folder, ignore_errors=True)
        if self.folder.parent.is_dir() and not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()
