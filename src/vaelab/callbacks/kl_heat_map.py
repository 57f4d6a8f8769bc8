"""The rate of each latent group over the steps of training, as one picture."""

import re
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.trainer.states import TrainerFn

from vaelab.model.vae import VAE
from vaelab.picture.files import DPI, Formats, PictureFiles, Resolution, save_figure
from vaelab.picture.heat_map import heat_map
from vaelab.picture.tracking import log_image, with_png_for_loggers
from vaelab.ranges import PositiveInt

NAME = "kl_heat_map"


class KLHeatMap(pl.Callback):
    """Draws `val/kl/<index>` of all validations so far, in nats: which latents carry the rate, and since when.

    images/kl_heat_map_epoch004.png    after 4 epochs, every `every_n_epochs`
    images/kl_heat_map.png             at the end of training

    Loggers that accept images get `images/kl_heat_map`. Checkpoints contain the history, so that a resumed run
    continues it. Models with one group give no picture: its curve is `val/rate`.

    Args:
        every_n_epochs: epochs between pictures.
        format: a list of `png`, `pdf` and `svg`.
        dpi: dots per inch.
        title: whether the title is drawn.
    """

    def __init__(
        self,
        every_n_epochs: PositiveInt,
        format: Formats = ("png",),
        dpi: Resolution = DPI,
        title: bool = True,
    ) -> None:
        self.every_n_epochs = every_n_epochs
        self.files = PictureFiles(tuple(format), dpi, title)
        self.steps: list[int] = []
        self.groups: list[int] = []
        self.rates: list[list[float]] = []  # of each validation, the groups in order

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "groups": self.groups, "rates": self.rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps, self.groups, self.rates = (list(state_dict[key]) for key in ("steps", "groups", "rates"))

    # After the epoch's end, when the module has logged its rates.
    def on_validation_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        found = rates(trainer)
        self.groups = list(found)
        self.steps.append(trainer.global_step)
        self.rates.append(list(found.values()))
        num_epochs = trainer.current_epoch + 1
        if num_epochs % self.every_n_epochs == 0:
            self.draw(trainer, f"{NAME}_epoch{num_epochs:03d}", shown=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.draw(trainer, NAME, shown=False)

    def draw(self, trainer: pl.Trainer, name: str, shown: bool) -> None:
        """Save the picture on rank 0, and log it if it is `shown`."""
        if not trainer.is_global_zero or len(self.groups) < 2:
            return
        path = Path(trainer.default_root_dir) / "images" / name
        title = "KL(q || p) of each latent group, validation split" if self.files.title else ""
        page = heat_map(self.steps, self.groups, np.array(self.rates).T, title, "group", "nats per example")
        save_figure(page, path, with_png_for_loggers(self.files, trainer))
        if shown:
            log_image(trainer, f"images/{NAME}", path.with_name(f"{name}.png"))


def rates(trainer: pl.Trainer) -> dict[int, float]:
    """The rate of each group in the last validation, by the group's index."""
    logged = {name: value for name, value in trainer.callback_metrics.items() if re.fullmatch(r"val/kl/\d+", name)}
    found = {int(name.rpartition("/")[2]): float(value) for name, value in logged.items()}
    return dict(sorted(found.items()))
