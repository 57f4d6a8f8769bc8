"""Interface of loggers that are started and ended with the job."""

from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class Session(Protocol):
    """A logger that is notified when a job begins and ends."""

    def begin(self, folder: Path) -> None:
        """Start logging; `folder` is the run folder, as the user reads it."""

    def end(self, status: int) -> None:
        """Store what was logged, if this process has started logging; `status` is the job's exit status."""


@runtime_checkable
class Rewindable(Protocol):
    """A logger that continues its own record where a run is resumed."""

    def rewind(self, step: int) -> None:
        """Make what is logged from `step` on replace what an earlier process logged; 0 for a new run."""
