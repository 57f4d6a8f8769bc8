"""One process per device of this machine, started here: each is handed the job itself."""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from vaelab import signals
from vaelab.cli.outcome import Outcome, print_once, traced_outcome
from vaelab.cli.ranks import GRACE, Place, variables
from vaelab.signals import Stopped

POLL = 0.05  # seconds
WATCH = 0.5  # seconds
_watched = False


def run_children(job: str, num_processes: int, args: tuple[Any, ...]) -> Outcome:
    """The outcome of a job in `num_processes` processes, which end with this one."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    port = free_port()
    places = [Place(rank, rank, num_processes, "127.0.0.1", port) for rank in range(num_processes)]
    processes = [context.Process(target=run_child, args=(job, args, here, queue)) for here in places]
    with signals.forward_signals(lambda signum: forward_signal(processes, signum)):
        with signals.block_signals():
            for process in processes:
                process.start()
        failed = await_processes(processes)
    outcomes = []
    while not queue.empty():
        outcomes.append(queue.get())
    return merge_outcomes(failed, outcomes)


def run_child(job: str, args: tuple[Any, ...], here: Place, queue: Any) -> None:
    """The job as one of several processes."""
    os.environ.update(variables(here))
    end_with_parent()
    ended = Outcome()
    try:
        with signals.handle_signals():
            ended = traced_outcome(job, args)
    except Stopped as stop:
        ended = Outcome(128 + stop.signum, ended.sentence or str(stop))
    try:
        queue.put(ended)
    except OSError:  # nobody listens any more
        print(ended.sentence, file=sys.stderr)
    sys.stdout.flush()
    # Without waiting for gloo's threads, which wait for processes that may have ended.
    os._exit(ended.status)


def end_with_parent() -> None:
    """When the process that started this one is gone, save and end, as after SIGTERM."""
    global _watched
    if _watched:
        return
    _watched, parent = True, os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE[True])
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def forward_signal(processes: list[Any], signum: int) -> None:
    """Hand a signal on; each process saves, and ends by itself."""
    for process in processes:
        if process.is_alive():
            os.kill(process.pid, signum)


def await_processes(processes: list[Any]) -> int | None:
    """The exit code of the process that failed first; then the others end too, at the latest after some grace."""
    failed, deadline = None, float("inf")
    while any(process.is_alive() for process in processes):
        if failed is None:
            failed = next((process.exitcode for process in processes if process.exitcode), None)
            deadline = float("inf") if failed is None else time.monotonic() + GRACE[failed > 128]
        if time.monotonic() > deadline:
            for process in processes:
                process.kill()
        time.sleep(POLL)
    return failed or next((process.exitcode for process in processes if process.exitcode), None)


def merge_outcomes(failed: int | None, outcomes: list[Outcome]) -> Outcome:
    """How several processes ended, of which the one with exit code `failed` failed first.

    The others then fail for want of it; their tracebacks are shown only where nobody has a sentence.
    """
    told = [one for one in outcomes if one.sentence]
    if failed is not None and failed < 0:
        name = signal.Signals(-failed).name
        told.append(Outcome(128 - failed, f"a process was ended by {name}, and the others with it"))
    print_once([one.sentence for one in told] or [one.trace for one in outcomes])
    status = max((one.status for one in told), default=failed or 0)
    objective = next((one.objective for one in outcomes if one.objective is not None), None)
    pruned = next((one for one in outcomes if one.pruned), None)
    return Outcome(status, objective=objective) if pruned is None or status else pruned


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
