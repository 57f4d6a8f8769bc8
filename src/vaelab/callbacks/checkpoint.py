"""Best and last checkpoint; the best is chosen only among comparable bounds."""

from pathlib import Path
from typing import Annotated, Any, Literal

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from torch import Tensor

from vaelab.model.vae import VAE
from vaelab.ranges import ByTheRun


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`, the checkpoint with the best validation bound, among those after every KL schedule has ended.

    While a schedule runs, the training objective differs from the bound that is monitored.

    Args:
        monitor: name of the logged metric.
        mode: `min` or `max`.
        dirpath: folder of the checkpoints.
    """

    def __init__(
        self, monitor: str, mode: Literal["min", "max"], dirpath: Annotated[str | None, ByTheRun()] = None
    ) -> None:
        super().__init__(
            dirpath=dirpath,
            filename="best",
            monitor=monitor,
            mode=mode,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score, also if the run folder was moved or renamed."""
        best = {key: self.here(state_dict[key]) for key in ("best_model_path", "kth_best_model_path")}
        scores = {self.here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **best, "best_k_models": scores, "dirpath": self.dirpath})

    def here(self, path: str) -> str:
        """The path of best.ckpt in the current run folder, which may have moved since the checkpoint was saved."""
        assert self.dirpath is not None
        return str(Path(self.dirpath) / "best.ckpt") if path else ""

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        module = trainer.lightning_module
        assert isinstance(module, VAE)
        settled = module.control.is_settled(trainer.global_step)
        return bool(settled and super().check_monitor_top_k(trainer, current))


class LastCheckpoint(Checkpoint):
    """`last.ckpt`: before the first step and at the end of every epoch, regardless of the loss.

    So a run that is killed at any moment can be resumed. Lightning calls a `Checkpoint` after all other callbacks.
    """

    def __init__(self, checkpoints: Path) -> None:
        self.path = checkpoints / "last.ckpt"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step == 0:
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.save_checkpoint(self.path)
