"""Base class of the callbacks that save and log images."""

from abc import abstractmethod
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.trainer.states import TrainerFn

from vaelab.data.randomness import seeded
from vaelab.evaluation.context import EvaluationContext, context_of
from vaelab.model.evaluation_mode import evaluation_mode_of
from vaelab.model.vae import VAE
from vaelab.picture.files import DPI, Formats, PictureFiles, Resolution
from vaelab.picture.grid import Grid, save
from vaelab.picture.tracking import log_image, with_png_for_loggers
from vaelab.ranges import PositiveInt


class PictureCallback(pl.Callback):
    """Draws `grid`, which subclasses define, with the weights that are evaluated.

    images/<name>_epoch004.png    after 4 epochs, from the validation split, every `every_n_epochs`
    images/<name>.png             at the end of training, and again, from the test split, after testing

    under the run folder, or files of other formats. The PNG is also written where a logger shows it. Loggers that
    accept images get `images/<name>` at epochs and `test/images/<name>` from the test split. Only rank 0 draws. The
    noise is the same each time and does not change the state of training. Data that are not images of one or three
    channels give no image.
    """

    name: str

    def __init__(
        self,
        every_n_epochs: PositiveInt,
        format: Formats = ("png",),
        dpi: Resolution = DPI,
        title: bool = True,
    ) -> None:
        self.every_n_epochs = every_n_epochs
        self.files = PictureFiles(tuple(format), dpi, title)

    @abstractmethod
    def grid(self, context: EvaluationContext) -> Grid | None:
        """The grid to draw, or None if the latent structure has nothing to show."""

    # At the end of the epoch: later, averaged weights have been swapped out again.
    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        num_epochs = trainer.current_epoch + 1
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if fitting and num_epochs % self.every_n_epochs == 0:
            path = self.draw(trainer, pl_module, "validation", f"{self.name}_epoch{num_epochs:03d}")
            self.show(trainer, f"images/{self.name}", path)

    def on_train_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.draw(trainer, pl_module, "validation", self.name)

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        path = self.draw(trainer, pl_module, "test", self.name)
        self.show(trainer, f"test/images/{self.name}", path)

    def draw(self, trainer: pl.Trainer, pl_module: VAE, split: str, name: str) -> Path | None:
        """Save one image and return the path of its PNG; None if there is nothing to draw or on other ranks."""
        data = pl_module.data
        if not trainer.is_global_zero or len(data.shape) != 3 or data.shape[0] not in (1, 3):
            return None
        with evaluation_mode_of(pl_module), seeded(pl_module.seed, self.name):
            grid = self.grid(context_of(trainer, pl_module, split))
        if grid is None:
            return None
        path = Path(trainer.default_root_dir) / "images" / name
        save(grid, path, with_png_for_loggers(self.files, trainer))
        return path.with_name(f"{name}.png")

    def show(self, trainer: pl.Trainer, key: str, path: Path | None) -> None:
        """Log an image, if there is one."""
        if path is not None:
            log_image(trainer, key, path)
