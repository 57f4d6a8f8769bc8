"""One job in this process, or in one process per device; its troubles become an exit status and a sentence."""

import errno
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig

from vaelab.errors import Interrupted, UserError

Job = Callable[..., None]
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def launch(job: Job, num_processes: int, *args: Any) -> int:
    """Exit status of `job(*args)`.

    Lightning would start its other processes by running the command line again, where in a multirun they
    cannot know which job they belong to; here each is handed the arguments themselves. Where something else
    starts the processes, as torchrun and SLURM do, the job runs here.
    """
    if num_processes == 1 or "LOCAL_RANK" in os.environ or "SLURM_PROCID" in os.environ:
        status, sentence = outcome(job, args)
        say([sentence])
        return status
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(num_processes)}
    processes = [
        context.Process(target=run_rank, args=(job, args, {**where, "LOCAL_RANK": str(rank)}, queue))
        for rank in range(num_processes)
    ]
    previous = {one: signal.signal(one, forward_to(processes)) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        for process in processes:
            process.start()
        status = wait(processes)
    finally:
        for one, handler in previous.items():
            signal.signal(one, handler)
    sentences = []
    while not queue.empty():
        sentences.append(queue.get())
    say(sentences)
    return status


def outcome(job: Job, args: tuple[Any, ...]) -> tuple[int, str]:
    """Exit status and sentence of a job; only our own mistakes pass as exceptions."""
    try:
        job(*args)
    except UserError as error:
        return 1, str(error)
    except Interrupted as error:
        return 128 + error.signum, str(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT, "stopped"
    except OSError as error:
        if error.errno not in FULL:
            raise
        return (
            1,
            f"could not write {error.filename or 'a file'}: {error.strerror}; what was saved before is kept",
        )
    return 0, ""


def run_rank(job: Job, args: tuple[Any, ...], environment: dict[str, str], queue: Any) -> None:
    """The job as one of several processes, which Lightning recognises by these variables."""
    os.environ.update(environment)
    status, sentence = outcome(job, args)
    queue.put(sentence)
    sys.stdout.flush()
    # Without waiting for gloo's threads, which wait for processes that may have ended.
    os._exit(status)


def wait(processes: list[Any], grace: float = 10.0) -> int:
    """The worst exit status; once one process has failed, the others end too, at the latest after `grace` seconds."""
    deadline = float("inf")
    while any(process.is_alive() for process in processes):
        if deadline == float("inf") and any(process.exitcode for process in processes):
            deadline = time.monotonic() + grace
        if time.monotonic() > deadline:
            for process in processes:
                process.kill()
        time.sleep(0.05)
    failures = [process.exitcode for process in processes if process.exitcode]
    return abs(failures[0]) if failures else 0


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
    """How many processes this machine's part of the trainer has."""
    trainer = config.trainer
    if not str(trainer.strategy).startswith("ddp"):
        return 1
    if isinstance(trainer.devices, int) and trainer.devices > 0:
        return trainer.devices
    if trainer.accelerator == "cpu":
        raise UserError(
            f"trainer.devices={trainer.devices} says nothing on the processor; give the number of processes"
        )
    import torch  # only to count the GPUs

    return max(1, torch.cuda.device_count())
