"""Checkpoints that can be trusted: the best one is chosen only on losses that compare."""

from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from torch import Tensor

from vaelab.model.vae import VAE


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`, by the uncontrolled validation ELBO, and none before every KL schedule has ended.

    While a schedule runs, a model is trained for another objective than the one it is watched by.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        super().__init__(
            filename="best",
            monitor=monitor,
            mode=mode,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        module = trainer.lightning_module
        assert isinstance(module, VAE)
        settled = module.control.settled(trainer.global_step)
        return bool(settled and super().check_monitor_top_k(trainer, current))


class LastCheckpoint(Checkpoint):
    """`last.ckpt`: before the first step and at the end of every epoch, whatever the losses say.

    So a run that is killed at any moment can go on. Being a `Checkpoint`, it is called after all others.
    """

    def __init__(self, checkpoints: Path) -> None:
        self.path = checkpoints / "last.ckpt"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step == 0:
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.save_checkpoint(self.path)
