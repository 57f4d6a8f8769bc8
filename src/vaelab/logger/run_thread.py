"""The thread that owns a W&B run: training waits for W&B only at its end, for a limited time."""

import logging
import shlex
import sys
import threading
from operator import attrgetter
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

from vaelab.logger.connection import Connection, reason, tear_down
from vaelab.logger.deferred_run import Call
from vaelab.logger.service import kill_service, service_pids
from vaelab.printing import print_line

log = logging.getLogger(__name__)

CAPACITY = 20_000  # queued calls, of a kilobyte or less each
PAGE = 4096  # bytes that a disk must take
PROBE = 1.0  # seconds between two looks at the disk
ANSWER = 5.0  # seconds at the end for a server that has not answered
OFFLINE = 20.0  # seconds at the end for W&B's service to start and to store everything on this machine
PATIENCE = 5.0  # seconds for W&B to notice that it was killed


class RunThread(threading.Thread):
    """Starts the run, then executes queued calls in order.

    A call that fails loses only its own data; if W&B's service is gone, the remaining calls are dropped. Each
    reason is logged once.
    """

    def __init__(self, arguments: dict[str, Any], folder: Path) -> None:
        super().__init__(name="wandb", daemon=True)
        self.connection = Connection(arguments)
        self.folder = folder
        self.limit = arguments["settings"].get("finish_timeout", 60)
        self.calls: SimpleQueue[Call | None] = SimpleQueue()
        self.connected = threading.Event()
        self.works = True
        self.status = 0
        self.reasons: set[str] = set()
        self.probed = 0.0

    def hand_over(self, call: Call) -> None:
        """Queue a call; never blocks."""
        if self.works and self.calls.qsize() >= CAPACITY:
            self.give_up("its service takes nothing any more")
        if self.works:
            self.calls.put(call)

    def end(self, status: int) -> None:
        """Wait until everything is stored, and for a server at most about `finish_timeout` seconds."""
        self.status = status
        self.calls.put(None)
        try:
            online = self.connection.mode == "online"
            if not self.connected.wait(ANSWER if online else OFFLINE):
                self.connection.hurry()  # to offline, where it stores the queued calls
            self.join(self.limit + OFFLINE if self.works else PATIENCE)
            if self.is_alive():
                self.give_up(f"no answer within {self.limit + OFFLINE:g} seconds")
        finally:  # also if a signal interrupts the wait
            if self.is_alive():
                kill_service()
                self.join(PATIENCE)

    def run(self) -> None:
        hooks = sys.exit, sys.excepthook
        try:
            run = self.connection.open()
            self.connected.set()
            if run is None:
                self.works = False
            else:
                self.announce(run)
                self.work(run)
        finally:
            tear_down()
            sys.exit, sys.excepthook = hooks  # W&B replaces them and does not restore them

    def work(self, run: Any) -> None:
        """Execute queued calls until the end."""
        while (call := self.calls.get()) is not None:
            if self.works:
                self.probe_disk(Path(run.dir))
                try:
                    self.execute(run, call)
                except Exception as error:  # W&B may raise anything
                    self.complain(error)
        try:
            run.finish(exit_code=self.status)
        except TimeoutError:
            place = shlex.quote(str(self.folder / "wandb" / Path(run.dir).parent.name))
            log.warning("W&B: not all is uploaded after %s seconds; upload it with `wandb sync %s`", self.limit, place)
        except Exception as error:  # see above
            self.complain(error)

    def execute(self, run: Any, call: Call) -> None:
        if isinstance(call.method, str):
            attrgetter(call.method)(run)(*call.args, **call.kwargs)
        else:
            call.method(run, *call.args, **call.kwargs)

    def probe_disk(self, folder: Path) -> None:
        """Log once if nothing can be written in a folder of the run, which W&B's service does not report."""
        if monotonic() - self.probed < PROBE:
            return
        self.probed = monotonic()
        try:
            with TemporaryFile(dir=folder, buffering=0) as file:
                file.write(b"0" * PAGE)
        except OSError as error:
            if error.strerror not in self.reasons:
                self.reasons.add(str(error.strerror))
                log.warning("W&B: %s; what it cannot store is in metrics.csv only", error.strerror)

    def announce(self, run: Any) -> None:
        """Log where the run can be viewed."""
        if run.settings.mode == "online":
            print_line(f"W&B: {run.url}")
        else:
            place = shlex.quote(str(self.folder / "wandb"))
            print_line(
                f"W&B is offline: look with `wandb leet {place}`, upload with `wandb sync {place}/offline-run-*`"
            )

    def complain(self, error: Exception) -> None:
        """Log once what W&B has rejected, and give up if its service is gone."""
        if not service_pids():
            self.give_up(reason(error))
        elif reason(error) not in self.reasons:
            self.reasons.add(reason(error))
            log.warning("W&B: %s; this call is skipped", reason(error))

    def give_up(self, why: str) -> None:
        """Drop all further calls."""
        if self.works:
            self.works = False
            log.warning("W&B: %s; continuing without it, what it has not stored is in metrics.csv only", why)
