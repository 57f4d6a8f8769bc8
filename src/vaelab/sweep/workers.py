"""Jobs of a sweep in several processes of this machine, which Hydra's joblib launcher starts."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.types import TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab import signals
from vaelab.cli.children import end_with_parent
from vaelab.cli.hydra_app import Failed
from vaelab.signals import Stopped

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"


@contextmanager
def forwarded_signals() -> Iterator[None]:
    """Inside, a signal is passed on to the processes that joblib started; it raises Stopped once they have ended."""
    try:
        with signals.forward_signals(forward_signal):
            yield
    except Exception:
        signals.raise_if_stopped()  # joblib complains of a process that ended before its first job
        raise
    signals.raise_if_stopped()


def forward_signal(signum: int) -> None:
    """Pass a signal on to the processes of joblib."""
    for process in multiprocessing.active_children():
        if process.pid is not None:
            os.kill(process.pid, signum)


def adapt(config: DictConfig) -> None:
    """Leave out what makes sense for one job at a time only: progress bars and processes that load data."""
    with open_dict(config):
        if OmegaConf.is_dict(config.get("trainer")):
            config.trainer.enable_progress_bar = False
        if OmegaConf.is_dict(config.get("data")):
            config.data.num_workers = 0


_stopped: list[int] = []


class WorkerTask:
    """A job in a process of joblib, which saves and ends when the sweep is stopped or killed.

    It loads its data itself and shows no progress. After a signal its process starts no other job. joblib divides the
    threads of the machine between its processes.
    """

    def __init__(self, task: TaskFunction) -> None:
        self.task = task

    def __call__(self, config: DictConfig) -> Any:
        parent = os.getppid()
        end_with_parent()
        for signum in signals.stop_signals():
            signal.signal(signum, remember)  # between jobs
        adapt(config)
        try:
            with signals.handle_signals():
                if _stopped:
                    raise Stopped(_stopped[0])
                return self.task(config)
        except Stopped as stop:
            remember(stop.signum)
            raise Failed(128 + stop.signum, str(stop)) from None
        finally:
            if os.getppid() != parent:
                os._exit(1)  # the sweep is gone, and joblib would start the next job


def remember(signum: int, frame: object = None) -> None:
    """Let no other job start in this process."""
    _stopped.append(signum)
