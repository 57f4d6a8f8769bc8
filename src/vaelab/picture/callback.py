"""Base class of the callbacks that draw pictures."""

from abc import abstractmethod
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn

from vaelab.data.randomness import seeded
from vaelab.evaluation.context import EvaluationContext, context_of
from vaelab.model.evaluation_mode import evaluation_mode_of
from vaelab.model.vae import VAE
from vaelab.picture.grid import Grid, save
from vaelab.ranges import PositiveInt


class PictureCallback(pl.Callback):
    """Draws `grid`, which each picture defines, from the weights that are being evaluated.

    images/<name>_epoch004.png    after 4 epochs, from the validation split, every `every_n_epochs`
    images/<name>.png             at the end of training, and again, from the test split, of testing

    under the run folder. Loggers that take images get those of epochs as `images/<name>` and that of the test split
    as `test/images/<name>`, so that each is there once. Only the first process draws. The noise is the same each
    time, and none is taken from training. Data that are not images of one or three channels give no picture.
    """

    name: str

    def __init__(self, every_n_epochs: PositiveInt) -> None:
        self.every_n_epochs = every_n_epochs

    @abstractmethod
    def grid(self, context: EvaluationContext) -> Grid | None:
        """What to draw; None where this latent structure has nothing to show."""

    # At the epoch's end and not later, when an average of the weights has been swapped out again.
    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        num_epochs = trainer.current_epoch + 1
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if fitting and num_epochs % self.every_n_epochs == 0:
            path = self.draw(trainer, pl_module, "validation", f"{self.name}_epoch{num_epochs:03d}.png")
            self.show(trainer, f"images/{self.name}", path)

    def on_train_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.draw(trainer, pl_module, "validation", f"{self.name}.png")

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        path = self.draw(trainer, pl_module, "test", f"{self.name}.png")
        self.show(trainer, f"test/images/{self.name}", path)

    def draw(self, trainer: pl.Trainer, pl_module: VAE, split: str, file: str) -> Path | None:
        """Where one picture was written; None where there is nothing to draw, or another process draws."""
        data = pl_module.data
        if not trainer.is_global_zero or len(data.shape) != 3 or data.shape[0] not in (1, 3):
            return None
        with evaluation_mode_of(pl_module), seeded(pl_module.seed, self.name):
            grid = self.grid(context_of(trainer, pl_module, split))
        if grid is None:
            return None
        path = Path(trainer.default_root_dir) / "images" / file
        save(grid, path)
        return path

    def show(self, trainer: pl.Trainer, key: str, path: Path | None) -> None:
        """Hand a picture, if there is one, to the loggers that take images; none of them may stop the run."""
        for logger in trainer.loggers if path is not None else ():
            if hasattr(logger, "log_image"):
                try:
                    logger.log_image(key, [str(path)], trainer.global_step)
                except Exception as error:  # any error: the picture is already on disk
                    rank_zero_warn(f"{type(logger).__name__} did not take {path}: {error}")
