"""Shows a picture to the loggers of a trainer."""

from dataclasses import replace
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn

from vaelab.picture.files import PictureFiles


def log_image(trainer: pl.Trainer, key: str, path: Path) -> None:
    """Log an image to loggers that accept images; errors are logged and do not stop the run.

    In training its step is that of the last batch, counted from 0, which is the step of the metrics of the same
    validation: a run that is resumed after it keeps both.
    """
    fitting = trainer.state.fn == TrainerFn.FITTING
    step = max(trainer.global_step - fitting, 0)
    for logger in trainer.loggers:
        if hasattr(logger, "log_image"):
            try:
                logger.log_image(key, [str(path)], step)
            except Exception as error:  # any error: the picture is already on disk
                rank_zero_warn(f"{type(logger).__name__} did not take {path}: {error}")


def with_png_for_loggers(files: PictureFiles, trainer: pl.Trainer) -> PictureFiles:
    """The files, and a PNG if a logger of the trainer shows pictures."""
    shown = "png" not in files.format and any(hasattr(logger, "log_image") for logger in trainer.loggers)
    return replace(files, format=(*files.format, "png")) if shown else files
