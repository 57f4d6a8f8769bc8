"""What a logger may have beside Lightning's methods: a beginning and an end."""

from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class Session(Protocol):
    """A logger that is told when a job begins and ends; training waits for neither longer than it says."""

    def begin(self, folder: Path) -> None:
        """Start to take what is logged; `folder` is the run's, as the user reads it."""

    def end(self, status: int) -> None:
        """Store what was logged, if this process has begun to log; `status` is the job's exit status."""
