"""Base class of the callbacks that follow a schedule."""

import math
from abc import abstractmethod
from typing import Any

import lightning.pytorch as pl

from vaelab.errors import UserError
from vaelab.kl.schedule import Schedule, in_steps, is_in_epochs
from vaelab.model.vae import VAE

EPOCH = "steps_per_epoch"  # the checkpoint's key for the length of the epochs that schedules are given in


class Annealing(pl.Callback):
    """Writes a number, which subclasses name, from a schedule of the optimizer step.

    A resumed run reads the step and continues exactly. A schedule in epochs becomes one in steps when the run starts.
    The checkpoint holds how many steps its epochs had, so that another batch size or number of processes does not
    change the schedule of a run.

    Args:
        schedule: step -> number.
    """

    name: str  # under which the number is logged

    def __init__(self, schedule: Schedule) -> None:
        self.given = self.schedule = schedule
        self.steps_per_epoch: int | None = None  # None if it is not needed, or not known yet

    @abstractmethod
    def claim(self, pl_module: VAE, end: int) -> None:
        """Become the only writer of the number, which is constant from step `end`; UserError if nobody reads it."""

    @abstractmethod
    def write(self, pl_module: VAE, value: float) -> None:
        """Set the number."""

    def setup(self, trainer: pl.Trainer, pl_module: VAE, stage: str) -> None:
        self.claim(pl_module, 0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if is_in_epochs(self.given) and self.steps_per_epoch is None:
            self.steps_per_epoch = count_steps(trainer)
        self.begin(pl_module)

    def on_test_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if not is_in_epochs(self.given) or self.steps_per_epoch is not None:
            self.begin(pl_module)

    def begin(self, pl_module: VAE) -> None:
        """Follow the schedule in steps."""
        self.schedule = self.given if self.steps_per_epoch is None else in_steps(self.given, self.steps_per_epoch)
        self.claim(pl_module, self.schedule.end)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, batch: object, batch_idx: int) -> None:
        value = self.schedule(trainer.global_step)
        self.write(pl_module, value)
        if pl_module.is_logged_step:
            pl_module.log(self.name, value)

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: VAE, checkpoint: dict[str, Any]) -> None:
        if self.steps_per_epoch is not None:
            checkpoint[EPOCH] = self.steps_per_epoch

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: VAE, checkpoint: dict[str, Any]) -> None:
        if isinstance(checkpoint.get(EPOCH), int):
            self.steps_per_epoch = checkpoint[EPOCH]


def count_steps(trainer: pl.Trainer) -> int:
    """The optimizer steps of one epoch. Raises UserError for data without a length."""
    batches = trainer.num_training_batches
    if batches == math.inf:
        raise UserError("a schedule in epochs needs data of a known length; give its length in steps")
    return math.ceil(batches / trainer.accumulate_grad_batches)
