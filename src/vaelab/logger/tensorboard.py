"""Lightning's logger for TensorBoard, with images and tables."""

from importlib.util import find_spec
from typing import Annotated

import numpy as np
from lightning.pytorch import loggers
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from vaelab.errors import UserError
from vaelab.logger.markdown import markdown_table
from vaelab.ranges import ByTheRun


class TensorBoardLogger(loggers.TensorBoardLogger):
    """Writes event files into the folder `tensorboard` of the run, which `tensorboard --logdir outputs` reads.

    A resumed run writes a further file, which makes readers drop what earlier files hold from its first step on.

    Args:
        save_dir: the run folder.
        prefix: of the names of metrics.
    """

    def __init__(self, save_dir: Annotated[str, ByTheRun()], prefix: str = "") -> None:
        if find_spec("tensorboard") is None:
            raise UserError("logger 'tensorboard' needs the package tensorboard: pip install 'vaelab[tensorboard]'")
        super().__init__(save_dir=save_dir, name="tensorboard", version="", prefix=prefix, default_hp_metric=False)

    def rewind(self, step: int) -> None:
        self._kwargs["purge_step"] = step or None

    @rank_zero_only
    def log_image(self, key: str, images: list[str], step: int) -> None:
        """Add image files, which share a slider over the steps."""
        for number, path in enumerate(images):
            pixels = np.asarray(Image.open(path).convert("RGB"))
            self.experiment.add_image(f"{key}/{number}" if number else key, pixels, step, dataformats="HWC")

    @rank_zero_only
    def log_table(self, key: str, columns: list[str], data: list[list[str]], step: int) -> None:
        """Add a table as text."""
        self.experiment.add_text(key, markdown_table(columns, data), step)
