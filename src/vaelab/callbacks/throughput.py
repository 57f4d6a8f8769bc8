"""Speed and memory of training."""

import resource
import sys
from time import perf_counter

import lightning.pytorch as pl
import torch

from vaelab.model.vae import VAE
from vaelab.terms import Batch

GIB = 2**30
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in which getrusage counts


class Throughput(pl.Callback):
    """Logs the speed of training between validations, and the peaks of memory, at each validation.

    machine/examples_per_second    of all processes; time spent on validation, pictures and checkpoints does not count
    machine/steps_per_second
    machine/peak_memory            of rank 0, in GiB
    machine/peak_gpu_memory        of rank 0, in GiB, as torch allocated it
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.since: float | None = None
        self.seconds = 0.0
        self.num_examples = 0
        self.num_steps = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.since = perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: VAE, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        self.num_examples += len(batch.x)
        self.num_steps += 1
        if trainer.is_last_batch:
            self.pause()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.pause()

    def pause(self) -> None:
        """Stop the clock until the next training batch or epoch."""
        if self.since is not None:
            self.seconds += perf_counter() - self.since
            self.since = None

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if not self.num_steps:  # the sanity check, or a validation alone
            return
        speed = {
            "machine/examples_per_second": self.num_examples * trainer.world_size / self.seconds,
            "machine/steps_per_second": self.num_steps / self.seconds,
            "machine/peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / GIB,
        }
        if pl_module.device.type == "cuda":
            speed["machine/peak_gpu_memory"] = torch.cuda.max_memory_allocated(pl_module.device) / GIB
        pl_module.log_dict(speed)
        self.restart()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.since = perf_counter()  # for a validation within an epoch
