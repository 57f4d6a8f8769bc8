"""wandb-core, the process that W&B hands everything to: found, and ended where it does not answer.

W&B waits for its answers without a limit, and Python's exit waits for W&B. Once the process is gone, whatever waits
for it fails at once.
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
    """The processes that this one has started for W&B and that have not ended."""
    return [pid for pid, parent, state, name in processes() if parent == os.getpid() and name == NAME and state != "Z"]


def processes() -> Iterator[tuple[int, int, str, str]]:
    """Of each process: its id, its parent's, its state and its name."""
    if not Path("/proc/self/stat").is_file():  # macOS
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,state=,comm="], capture_output=True, text=True)
        for line in listed.stdout.splitlines():
            pid, parent, state, command = line.split(maxsplit=3)
            yield int(pid), int(parent), state[0], Path(command).name
        return
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended by now
            before, _, after = file.read_text(errors="replace").rpartition(")")
            pid, _, name = before.partition(" (")
            state, parent = after.split()[:2]
            yield int(pid), int(parent), state, name


def kill_service() -> None:
    """End wandb-core, also where it was stopped."""
    for pid in service_pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Inside, W&B fails where it waits longer than so many seconds."""
    timer = Timer(seconds, kill_service)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
