"""The page of a run at its end."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import lightning.pytorch as pl
from annotated_types import MinLen

from vaelab.evaluation.context import context_of
from vaelab.model.evaluation_mode import evaluation_mode_of
from vaelab.model.vae import VAE
from vaelab.ranges import ByTheRun, PositiveFloat, PositiveInt
from vaelab.report.origin import Origin
from vaelab.storage.reservation import is_run
from vaelab.storage.run import Run

log = logging.getLogger(__name__)


class RunReport(pl.Callback):
    """Writes report.html into the run folder after testing: figures, curves, checklist and pictures on one page.

    The page is one file that needs no network. Only rank 0 draws and writes, without collectives. A page that cannot
    be written costs one warning, since what it shows is on disk. An evaluation that writes elsewhere has no page.

    Args:
        temperatures: of the prior, from which a reader chooses; 1 is always among them.
        max_dimensions: largest number of latent dimensions with a slider.
        max_values: largest number of pixel values of all pictures together; a page of 1.5 million has at most 3 MB.
        origin: how the run was made.
    """

    def __init__(
        self,
        temperatures: Annotated[Sequence[PositiveFloat], MinLen(1)],
        max_dimensions: PositiveInt,
        max_values: PositiveInt,
        origin: Annotated[Callable[[], Origin] | None, ByTheRun()] = None,
    ) -> None:
        self.temperatures = sorted({1.0, *temperatures})
        self.max_dimensions = max_dimensions
        self.max_values = max_values
        self.origin = origin
        self.path: Path | None = None  # of the page that was written
        self.failure: Exception | None = None  # or why it was not

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        folder = Path(trainer.default_root_dir)
        if not trainer.is_global_zero or self.origin is None or not is_run(folder):
            return
        try:
            self.path = self.write(trainer, pl_module, Run(folder), self.origin())
        except Exception as error:  # any error: a run is more than its page
            self.failure = error
            log.warning("%s/report.html was not written (%s); vaelab report run=%s tries again", folder, error, folder)

    def write(self, trainer: pl.Trainer, pl_module: VAE, run: Run, origin: Origin) -> Path:
        """Draw the pictures, and write the page."""
        # Imported here, since drawing charts takes half a second to import.
        from vaelab.report.gallery.gallery import draw_gallery
        from vaelab.report.run_page import write_run_report

        context = context_of(trainer, pl_module, "test")
        with evaluation_mode_of(pl_module):
            gallery = draw_gallery(context, self.temperatures, self.max_dimensions, self.max_values)
        return write_run_report(run, origin, gallery)
