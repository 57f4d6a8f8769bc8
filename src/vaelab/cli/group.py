"""A job in processes that a launcher has started: a failure of one ends all of them and is printed once."""

import os
import signal
import threading
import time
from typing import Any

from vaelab.cli.outcome import Outcome, print_once, traced_outcome
from vaelab.cli.ranks import GRACE, Place, connect, variables, wait_until

POLL = 0.5  # seconds


def run_in_group(here: Place, job: str, args: tuple[Any, ...]) -> Outcome:
    """What becomes of a job in this process, one of several."""
    os.environ.update(variables(here))
    group = Group(here)
    threading.Thread(target=group.watch, daemon=True).start()
    ended = group.share_outcome(traced_outcome(job, args))
    print_once([ended.sentence or ended.trace])
    return ended


class Group:
    """What the processes of one job tell each other about its end."""

    jobs = 0

    def __init__(self, here: Place) -> None:
        self.here = here
        self.store = connect(here)
        self.parent = os.getppid()
        self.over = threading.Event()
        Group.jobs += 1
        self.key = f"ended/{Group.jobs}"

    def share_outcome(self, ended: Outcome) -> Outcome:
        """Tell the other processes. A failure without a sentence may follow from another process's."""
        try:
            if ended.trace and (status := self.failure(within=GRACE[False])):
                ended = Outcome(status)
            if ended.status:
                self.store.set(f"{self.key}/failed", str(ended.status))
            self.store.add(f"{self.key}/left", 1)
            if self.here.rank == 0:
                self.await_others()
        except RuntimeError:  # the store is gone, and rank 0 with it
            if ended.trace:
                ended = Outcome(1, f"rank 0 ended, and rank {self.here.rank} with it")
        self.over.set()
        return ended

    def await_others(self) -> None:
        """Keep the store as long as the others need it."""
        start = time.monotonic()
        while self.store.add(f"{self.key}/left", 0) < self.here.world_size:
            if time.monotonic() - start > (GRACE[False] if 0 < self.failure() <= 128 else GRACE[True]):
                return
            time.sleep(POLL)

    def failure(self, within: float = 0.0) -> int:
        """The exit status of a process that failed, or 0."""
        failed = wait_until(lambda: bool(self.store.check([f"{self.key}/failed"])), within)
        return int(self.store.get(f"{self.key}/failed")) if failed else 0

    def watch(self) -> None:
        """End this process some time after another one, or its launcher, for which it could wait forever."""
        status = 0
        while not status and not self.over.wait(POLL):
            try:
                status, launcher_ended = self.failure(), os.getppid() != self.parent
            except RuntimeError:  # the store is gone: torchrun holds it, or rank 0
                status, launcher_ended = 1, True
            if launcher_ended and "TORCHELASTIC_RUN_ID" in os.environ:
                os.kill(os.getpid(), signal.SIGTERM)  # which saves
                status = 128 + signal.SIGTERM
        if status and not self.over.wait(GRACE[status > 128]):
            os._exit(status)
