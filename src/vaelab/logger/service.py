"""Finds wandb-core, W&B's background process, and kills it if it does not respond.

W&B waits for its responses without a limit, and Python's exit waits for W&B. Once the process is gone, all waiting
calls fail at once.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

NAME = "wandb-core"


def service_pids() -> list[int]:
    """The ids of W&B's background processes that this process has started and that are running."""
    return [pid for pid, parent, state, name in processes() if parent == os.getpid() and name == NAME and state != "Z"]


def processes() -> Iterator[tuple[int, int, str, str]]:
    """Id, parent's id, state and name of each process."""
    if not Path("/proc/self/stat").is_file():  # macOS
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,state=,comm="], capture_output=True, text=True)
        for line in listed.stdout.splitlines():
            pid, parent, state, command = line.split(maxsplit=3)
            yield int(pid), int(parent), state[0], Path(command).name
        return
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process has ended
            before, _, after = file.read_text(errors="replace").rpartition(")")
            pid, _, name = before.partition(" (")
            state, parent = after.split()[:2]
            yield int(pid), int(parent), state, name


def kill_service() -> None:
    """Kill wandb-core, even if it is suspended."""
    for pid in service_pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Inside, W&B raises an error after waiting longer than `seconds`."""
    timer = Timer(seconds, kill_service)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
