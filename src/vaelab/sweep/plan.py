"""Which jobs of a sweep are left to do, and in which folder each is."""

import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from vaelab.cli.sweep_name import without_name
from vaelab.config.text import quote
from vaelab.storage.status import FINISHED, PRUNED, RUNNING, SUBMITTED
from vaelab.storage.summary import Summary, summaries

DONE = (FINISHED, PRUNED)
PATIENCE = 30.0  # seconds in which the jobs of a sweep that was just killed save and end
POLL = 0.2


@dataclass(frozen=True)
class Job:
    """One combination of a sweep's values.

    Attributes:
        overrides: what tells it from the other jobs, and what they have in common.
        folder: where an earlier attempt is, below the sweep's folder; empty for a new job.
        state: the state of that attempt, `lost` if the cluster has it no more; empty for a new job.
    """

    overrides: tuple[str, ...]
    folder: str = ""
    state: str = ""

    @property
    def is_left(self) -> bool:
        """Whether it has to be started."""
        return self.state not in (*DONE, RUNNING, SUBMITTED)


def plan(sweep: Path, combinations: Iterable[Sequence[str]], numbered: bool) -> list[Job]:
    """The job of each combination, with the folder of its earlier attempt if there is one.

    With `numbered`, new jobs get the next free numbers as their folders if the sweep has been started before.
    Attempts of a sweep that has just been killed are waited for, since its jobs save before they end.
    """
    before = {without_name(one.overrides): one for one in summaries(sweep)}
    jobs = []
    for combination in dict.fromkeys(map(tuple, combinations)):
        found = before.get(without_name(combination))
        if found is None:
            jobs.append(Job(combination))
        else:
            jobs.append(Job(combination, str(found.run.folder.relative_to(sweep)), state_now(found)))
    if not numbered or not any(job.folder for job in jobs):
        return jobs
    free = (str(number) for number in count() if not (sweep / str(number)).exists())
    return [job if job.folder else Job(job.overrides, next(free)) for job in jobs]


def state_now(job: Summary) -> str:
    """The state of an earlier attempt, for which the cluster is asked if it has not begun."""
    waits = job.state == SUBMITTED and job.status is not None
    return "lost" if waits and not is_queued(job.status.job if job.status else "") else job.state


def is_queued(job: str) -> bool:
    """Whether SLURM has a job that was handed to it; one that was cancelled before it began never begins."""
    try:
        found = subprocess.run(["squeue", "-h", "-j", job], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return bool(found.stdout.strip()) or (found.returncode != 0 and "Invalid job id" not in found.stderr)


def await_end(sweep: Path, combinations: Sequence[Sequence[str]], numbered: bool) -> list[Job]:
    """The plan, once no job of it is running, or after some time in which they did not end."""
    deadline = time.monotonic() + PATIENCE
    while True:
        jobs = plan(sweep, combinations, numbered)
        if all(job.state != RUNNING for job in jobs) or time.monotonic() > deadline:
            return jobs
        time.sleep(POLL)


def as_overrides(job: Job) -> list[str]:
    """What a launcher composes the job of."""
    return [*job.overrides, *([f"hydra.sweep.subdir={quote(job.folder)}"] if job.folder else [])]
