"""Ctrl-C and SIGTERM: save, then stop."""

from pathlib import Path
from time import monotonic

import lightning.pytorch as pl
import torch

from vaelab.errors import Interrupted
from vaelab.signals import raise_if_stopped, received_signal


class Interruption(pl.Callback):
    """Saves `last.ckpt` after the batch in which a signal came, and raises Interrupted before the next.

    In between, Lightning passes the batch's metrics to the loggers. At the end of an epoch, LastCheckpoint saves.
    Processes exchange signals about once in `seconds`, since doing so in every batch would be slow. Signals must be
    deferred during training.
    """

    def __init__(self, checkpoints: Path, seconds: float = 1.0, most: int = 100) -> None:
        self.checkpoints = checkpoints
        self.seconds = seconds
        self.most = most
        self.signum = 0
        self.saved = False
        self.interval = 1  # batches between two exchanges
        self.batches = 0  # since the last exchange
        self.asked = monotonic()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if self.saved or (batch_idx == 0 and self.agree_on_signal(trainer)):
            raise Interrupted(self.signum, self.checkpoints.parent)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        self.batches += 1
        due = trainer.world_size == 1 or self.batches >= self.interval
        if due and not trainer.is_last_batch and self.agree_on_signal(trainer):
            trainer.save_checkpoint(self.checkpoints / "last.ckpt")
            self.saved = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.agree_on_signal(trainer):
            raise Interrupted(self.signum, self.checkpoints.parent)

    def on_test_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        raise_if_stopped()

    def agree_on_signal(self, trainer: pl.Trainer) -> bool:
        """Whether any process has received a signal; all processes then use that signal."""
        told = torch.tensor([float(received_signal()), monotonic() - self.asked], device=trainer.strategy.root_device)
        signum, seconds = trainer.strategy.reduce(told, reduce_op="max").tolist()
        affordable = int(self.interval * self.seconds / max(seconds, 1e-3))
        self.interval = min(max(affordable, 1), 2 * self.interval, self.most)
        self.batches, self.asked = 0, monotonic()
        self.signum = int(signum)
        return self.signum > 0
