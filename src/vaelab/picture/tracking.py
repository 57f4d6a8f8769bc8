"""Shows a picture to the loggers of a trainer."""

from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.utilities import rank_zero_warn


def log_image(trainer: pl.Trainer, key: str, path: Path) -> None:
    """Log an image to loggers that accept images; errors are logged and do not stop the run."""
    for logger in trainer.loggers:
        if hasattr(logger, "log_image"):
            try:
                logger.log_image(key, [str(path)], trainer.global_step)
            except Exception as error:  # any error: the picture is already on disk
                rank_zero_warn(f"{type(logger).__name__} did not take {path}: {error}")
