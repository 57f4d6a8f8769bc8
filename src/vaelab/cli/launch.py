"""How many processes a job takes, and who starts them."""

import os
from typing import Any

from omegaconf import DictConfig, ListConfig

from vaelab import signals
from vaelab.cli import ranks
from vaelab.cli.children import run_children
from vaelab.cli.group import run_in_group
from vaelab.cli.outcome import Outcome, outcome, print_once
from vaelab.errors import UserError

RANK = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # where Lightning looks for it
MAX_PROCESSES_PER_CORE = 8


def launch(job: str, num_processes: int, *args: Any) -> Outcome:
    """What becomes of `vaelab.jobs.<job>.<job>(*args)`, imported where it runs, since torch takes its time.

    Lightning would start its other processes by running the command line again, where in a multirun they
    cannot know which job they belong to; here each is handed the arguments themselves. Where something else
    starts the processes, as torchrun and SLURM do, the job runs here.
    """
    signals.raise_if_stopped()
    here = ranks.place()
    if here is None and num_processes > 1:
        return run_children(job, num_processes, args)
    if here is not None and num_processes > 1:
        return run_in_group(here, job, args)
    if here is not None and here.rank > 0:
        return Outcome()  # one process is enough
    os.environ.update({name: "0" for name in RANK if name in os.environ})
    ended = outcome(job, args)
    print_once([ended.sentence])
    return ended


def num_processes(config: DictConfig) -> int:
    """How many processes the trainer has, whatever the strategy that joins them.

    Raises:
        UserError: trainer.devices is invalid, or another number of processes was started.
    """
    here, num, num_nodes = ranks.place(), num_devices(config), config.trainer.get("num_nodes", 1)
    if here is None and num_nodes > 1:
        raise UserError(
            f"trainer.num_nodes={num_nodes} needs a launcher that starts processes on each machine; "
            "use srun or torchrun, or leave it out"
        )
    if here is not None and num * num_nodes != here.world_size:
        raise UserError(
            f"{here.world_size} processes were started, but trainer.devices={config.trainer.devices} on "
            f"trainer.num_nodes={num_nodes} asks for {num * num_nodes}; make them equal"
        )
    return num * num_nodes


def num_devices(config: DictConfig) -> int:
    """The number of devices on each machine."""
    devices, on_processor = config.trainer.devices, config.trainer.accelerator == "cpu"
    if isinstance(devices, ListConfig) and len(devices) and not on_processor:
        return len(devices)
    if devices == "auto" and on_processor:
        return 1
    if isinstance(devices, int) and not isinstance(devices, bool) and devices > 0:
        most = MAX_PROCESSES_PER_CORE * len(os.sched_getaffinity(0))
        if on_processor and devices > most:
            raise UserError(f"trainer.devices={devices} is too many for the cores here: use at most {most}")
        return devices
    if on_processor or devices not in (-1, "auto"):
        kinds = "an integer >= 1" if on_processor else "an integer >= 1, a list of GPU ids, or -1 for all"
        raise UserError(f"trainer.devices={devices} is invalid; use {kinds}")
    import torch  # only to count the GPUs

    return max(1, torch.cuda.device_count())
