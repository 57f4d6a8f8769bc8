"""Intermediate results of an evaluation, so that it can be stopped and resumed."""

import io
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
from vaelab.storage.atomic import replacement
from vaelab.storage.signature import sign, verify

log = logging.getLogger(__name__)

INTERVAL = 10.0  # seconds between two writes of one loop's states


@dataclass
class ResultCache:
    """The measurements of finished measures, and the states of the unfinished loop, under `folder`.

    Measurements do not depend on the number of processes, so they are reused for any; the states of a loop belong to
    one rank of `world_size`. A run folder may come from somebody else, so only files with this user's signature are
    read.
    """

    folder: Path
    rank: int
    world_size: int
    written: float = field(default_factory=monotonic)
    warned: bool = False

    def load_result(self, measure: str) -> tuple[list[Measurement], list[str], float] | None:
        """Measurements, skip messages and seconds of a measure that has finished, or None."""
        content = self.read(self.folder / f"{measure}.json")
        if content is None:
            return None
        try:
            saved = json.loads(bytes(content))
            skipped = [str(sentence) for sentence in saved["skipped"]]
            return [Measurement.from_json(each) for each in saved["measurements"]], skipped, float(saved["seconds"])
        except (ValueError, TypeError, LookupError, RecursionError):  # written by an earlier version
            return None

    def save_result(
        self, measure: str, measurements: Iterable[Measurement], skipped: list[str], seconds: float
    ) -> None:
        """Write the results of a measure."""
        saved = {"measurements": [each.as_json() for each in measurements], "skipped": skipped, "seconds": seconds}
        with self.log_write_errors():
            self.write(self.folder / f"{measure}.json", json.dumps(saved, allow_nan=False).encode())

    def resume(self, loop: str, metric: Metric) -> int:
        """Load the states of a loop into the metric; return how many items of it this process has done."""
        path = self.states_path(loop)
        content = self.read(path)
        if content is None:
            return 0
        try:
            file = io.BytesIO(content)
            saved: dict[str, Any] = torch.load(file, map_location=metric.device, weights_only=True)
            states, done = {name: saved["states"][name] for name in metric.metric_state}, int(saved["done"])
        except Exception as error:  # a damaged file can raise anything
            log.warning("%s is damaged (%s); what it held is measured again", path, type(error).__name__)
            return 0
        for name, state in states.items():
            setattr(metric, name, state)
        return done

    def save_states(self, loop: str, metric: Metric, done: int) -> None:
        """Write the states of a loop, at most once per INTERVAL."""
        if monotonic() - self.written < INTERVAL:
            return
        self.written = monotonic()
        content = io.BytesIO()
        torch.save({"done": done, "states": metric.metric_state}, content)
        with self.log_write_errors():
            self.write(self.states_path(loop), content.getbuffer())

    def write(self, path: Path, content: bytes | memoryview) -> None:
        """Write a file with a signature that is valid only at this path."""
        signature = sign(content, self.label(path))
        with replacement(path) as file:
            file.write(signature)
            file.write(content)

    def read(self, path: Path) -> memoryview | None:
        """The content if this user wrote it; None, with a warning, if it was altered or written by another user."""
        if not path.is_file():
            return None
        content = verify(path.read_bytes(), self.label(path))
        if content is None:
            log.warning("%s was not written by you, or was altered; what it holds is measured again", path)
        return content

    def label(self, path: Path) -> str:
        return f"{self.folder.name}/{path.name}"

    @contextmanager
    def log_write_errors(self) -> Iterator[None]:
        """Inside, log the first write error and continue: the evaluation only loses the ability to resume."""
        try:
            yield
        except (OSError, RuntimeError) as error:  # torch raises RuntimeError if the disk is full
            if not self.warned:
                log.warning("%s cannot be written (%s); a stop would lose what was measured", self.folder, error)
            self.warned = True

    def states_path(self, loop: str) -> Path:
        return self.folder / f"{loop}.{self.rank}of{self.world_size}.pt"

    def discard(self) -> None:
        """Delete all cached results."""
        rmtree(self.folder, ignore_errors=True)
        if self.folder.parent.is_dir() and not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()
