"""One job in this process, or in one process per device; its troubles become an exit status and a sentence."""

import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

from omegaconf import DictConfig, ListConfig

from vaelab.errors import Interrupted, UserError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal came while nothing had to be saved. No Exception: those, Hydra keeps until all jobs have run."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


class Outcome(NamedTuple):
    """How a job ended. `trace` is the traceback of our own mistakes, where another process has to print it."""

    status: int
    sentence: str = ""
    trace: str = ""


def launch(job: str, num_processes: int, *args: Any) -> int:
    """Exit status of `vaelab.job.<job>.<job>(*args)`, imported where it runs, since torch takes its time.

    Lightning would start its other processes by running the command line again, where in a multirun they
    cannot know which job they belong to; here each is handed the arguments themselves. Where something else
    starts the processes, as torchrun and SLURM do, the job runs here.
    """
    if num_processes == 1 or "LOCAL_RANK" in os.environ or "SLURM_PROCID" in os.environ:
        ended = outcome(job, args)
        say([ended.sentence])
        return ended.status
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(num_processes)}
    processes = [
        context.Process(target=run_rank, args=(job, args, {**where, "LOCAL_RANK": str(rank)}, queue))
        for rank in range(num_processes)
    ]
    with handled_by(forward_to(processes)):
        # A signal that comes before a process can handle it waits there, and is neither lost nor deadly.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        for process in processes:
            process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        failed = wait(processes)
    outcomes = []
    while not queue.empty():
        outcomes.append(queue.get())
    return report(failed, outcomes)


def report(failed: int | None, outcomes: list[Outcome]) -> int:
    """The exit status of several processes, of which the one with exit code `failed` failed first.

    The others then fail for want of it; their tracebacks are shown only where nobody has a sentence.
    """
    sentences = [one.sentence for one in outcomes]
    if failed is not None and failed < 0:
        sentences.append(f"a process was ended by {signal.Signals(-failed).name}, and the others with it")
    say(sentences if any(sentences) else [one.trace for one in outcomes])
    told = [one.status for one in outcomes if one.sentence]
    return max(told) if told else 128 - failed if failed and failed < 0 else failed or 0


def outcome(job: str, args: tuple[Any, ...]) -> Outcome:
    """How a job ended; only our own mistakes pass as exceptions."""
    gc.enable()
    try:
        imported(job)(*args)
    except UserError as error:
        return Outcome(1, str(error))
    except (Interrupted, Stopped) as error:
        return Outcome(128 + error.signum, str(error))
    except OSError as error:
        if error.errno not in FULL:
            raise
        place = error.filename or "a file"
        return Outcome(1, f"could not write {place}: {error.strerror}; what was saved before is kept")
    return Outcome(0)


def run_rank(job: str, args: tuple[Any, ...], environment: dict[str, str], queue: Any) -> None:
    """The job as one of several processes, which Lightning recognises by these variables."""
    os.environ.update(environment)
    try:
        with stoppable():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            ended = outcome(job, args)
    except Stopped as error:
        ended = Outcome(128 + error.signum, str(error))
    except BaseException:  # the parent prints it, or a better reason that another process knows
        ended = Outcome(1, trace=traceback.format_exc())
    queue.put(ended)
    sys.stdout.flush()
    # Without waiting for gloo's threads, which wait for processes that may have ended.
    os._exit(ended.status)


def wait(processes: list[Any], grace: float = 10.0) -> int | None:
    """The exit code of the process that failed first; then the others end too, at the latest after `grace` seconds."""
    failed, deadline = None, float("inf")
    while any(process.is_alive() for process in processes):
        if failed is None:
            failed = next((process.exitcode for process in processes if process.exitcode), None)
            deadline = float("inf") if failed is None else time.monotonic() + grace
        if time.monotonic() > deadline:
            for process in processes:
                process.kill()
        time.sleep(0.05)
    return failed or next((process.exitcode for process in processes if process.exitcode), None)


@contextmanager
def handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Inside, `handler` gets SIGINT and SIGTERM."""
    previous = {signum: signal.signal(signum, handler) for signum in SIGNALS}
    try:
        yield
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


@contextmanager
def stoppable() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM raise Stopped. KeyboardInterrupt would become exit status 1 in Lightning."""
    received: list[int] = []

    def stop(signum: int, frame: Any) -> None:
        received.append(signum)
        raise Stopped(signum)

    try:
        with handled_by(stop):
            yield
    except Exception as error:
        if not received:
            raise
        raise Stopped(received[0]) from error  # whatever was broken off there


def imported(job: str) -> Callable[..., None]:
    """The function `vaelab.job.<job>.<job>`. A signal waits: an import that is broken off leaves half a module."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        function: Callable[..., None] = getattr(import_module(f"vaelab.job.{job}"), job)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return function


def forward_to(processes: list[Any]) -> Callable[[int, Any], None]:
    """A signal handler that hands the signal on; each process saves, and ends by itself."""

    def forward(signum: int, frame: Any) -> None:
        for process in processes:
            if process.is_alive():
                os.kill(process.pid, signum)

    return forward


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(sentences: list[str]) -> None:
    """Each sentence once, on standard error."""
    for sentence in dict.fromkeys(filter(None, sentences)):
        print(sentence, file=sys.stderr)


def num_processes(config: DictConfig) -> int:
    """How many processes this machine's part of the trainer has, whatever the strategy that joins them."""
    devices, on_processor = config.trainer.devices, config.trainer.accelerator == "cpu"
    if isinstance(devices, ListConfig) and len(devices) and not on_processor:
        return len(devices)
    if devices == "auto" and on_processor:
        return 1
    if isinstance(devices, int) and not isinstance(devices, bool) and devices > 0:
        return devices
    if on_processor or devices not in (-1, "auto"):
        kinds = "a number from 1 on" if on_processor else "a number from 1 on, a list of GPUs, or -1 for all"
        raise UserError(f"trainer.devices={devices} is no number of processes; give {kinds}")
    import torch  # only to count the GPUs

    return max(1, torch.cuda.device_count())
