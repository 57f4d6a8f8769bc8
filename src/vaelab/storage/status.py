"""status.json: how the newest attempt at a run began and ended."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from vaelab.storage.atomic import write
from vaelab.storage.lock import is_locked

NAME = "status.json"
RUNNING, FINISHED, FAILED, STOPPED, PRUNED, SUBMITTED = (
    "running",
    "finished",
    "failed",
    "stopped",
    "pruned",
    "submitted",
)


@dataclass(frozen=True)
class Status:
    """What a run's newest attempt wrote about itself.

    Attributes:
        state: `submitted`, `running`, `finished`, `failed`, `stopped` or `pruned`.
        overrides: what the run was started with; with the sweep it identifies a job.
        sentence: why it failed or was stopped.
        began, ended: local times, ISO 8601; empty while they are not known.
        job: the id under which a cluster knows it.
    """

    state: str
    overrides: tuple[str, ...] = ()
    sentence: str = ""
    began: str = ""
    ended: str = ""
    job: str = ""


def read_status(folder: Path) -> Status | None:
    """The status of a run folder; None if it has none, or one that cannot be read."""
    try:
        found = json.loads((folder / NAME).read_text())
        status = Status(**{**found, "overrides": tuple(map(str, found["overrides"]))})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return status


def write_status(folder: Path, status: Status) -> None:
    """Write status.json atomically."""
    write(folder / NAME, json.dumps(asdict(status), indent=2) + "\n")


def restore_status(folder: Path, status: Status | None) -> None:
    """Write a status that was read before; None removes the file."""
    if status is None:
        (folder / NAME).unlink(missing_ok=True)
    else:
        write_status(folder, status)


def begin(folder: Path, overrides: Iterable[str] = ()) -> None:
    """Record that an attempt has begun; a resumed run keeps the overrides that it was started with."""
    before = read_status(folder)
    given = before.overrides if before is not None and before.overrides else tuple(overrides)
    write_status(folder, Status(RUNNING, given, began=now()))


def submit(folder: Path, overrides: Iterable[str]) -> None:
    """Record that a job is about to be handed to a cluster; a resumed one keeps its overrides."""
    write_status(folder, Status(SUBMITTED, tuple(overrides), began=now()))


def end(folder: Path, state: str, sentence: str = "") -> None:
    """Record how the attempt that has begun ended."""
    before = read_status(folder) or Status(state)
    write_status(folder, replace(before, state=state, sentence=sentence, ended=now()))


def state_of(folder: Path) -> str:
    """What has become of a run folder by now.

    `running`: a process holds its lock. `finished`, `failed`, `pruned`, `submitted`: as its status says, if it has one,
    and else by its results. `resumable`: it was stopped or killed, and can resume.
    """
    if is_locked(folder):
        return RUNNING
    status = read_status(folder)
    if status is not None and status.state in (FINISHED, FAILED, PRUNED, SUBMITTED):
        return status.state
    return FINISHED if status is None and (folder / "results.json").is_file() else "resumable"


def now() -> str:
    """The local time to the second."""
    return datetime.now().isoformat(timespec="seconds")
