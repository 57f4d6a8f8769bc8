"""Ctrl-C and SIGTERM: save, then stop."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import lightning.pytorch as pl

from vaelab.errors import Interrupted


class Interruption(pl.Callback):
    """Saves `last.ckpt` after the batch in which a signal came, and raises Interrupted before the next.

    In between, Lightning hands the batch's metrics to the loggers. Several processes agree on it every
    `interval` batches: asking each other in every batch would slow them.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, checkpoints: Path, interval: int = 10) -> None:
        self.checkpoints = checkpoints
        self.interval = interval
        self.received = 0
        self.saved = False
        self.previous: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for signum in self.SIGNALS:
            self.previous[signum] = signal.signal(signum, self.remember)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        if (trainer.world_size == 1 or batch_idx % self.interval == 0) and self.agreed(trainer):
            trainer.save_checkpoint(self.checkpoints / "last.ckpt")
            self.saved = True

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if self.saved:
            raise Interrupted(self.received or signal.SIGTERM, self.checkpoints.parent)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.agreed(trainer):  # the last epoch has saved itself
            raise Interrupted(self.received or signal.SIGTERM, self.checkpoints.parent)

    def agreed(self, trainer: pl.Trainer) -> bool:
        """Whether a signal has come to any process."""
        return trainer.strategy.reduce_boolean_decision(bool(self.received), all=False)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        while self.previous:
            signum, handler = self.previous.popitem()
            signal.signal(signum, handler)

    def remember(self, signum: int, frame: FrameType | None) -> None:
        """The handler: the batch under way is finished first."""
        self.received = signum
