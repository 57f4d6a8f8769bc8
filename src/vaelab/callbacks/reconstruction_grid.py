"""Images and their reconstructions."""

import torch

from vaelab.evaluation.context import EvaluationContext
from vaelab.picture.callback import PictureCallback
from vaelab.picture.files import DPI, Formats, Resolution
from vaelab.picture.grid import Grid
from vaelab.ranges import PositiveInt


class ReconstructionGrid(PictureCallback):
    """Logs the first images of the split, each above its reconstruction from the posterior mean.

    Args:
        every_n_epochs: epochs between images.
        num_rows: number of rows of pairs.
        num_columns: images per row.
        format: a list of `png`, `pdf` and `svg`.
        dpi: dots per inch.
        title: whether the title is drawn.
    """

    name = "reconstruction_grid"

    def __init__(
        self,
        every_n_epochs: PositiveInt,
        num_rows: PositiveInt,
        num_columns: PositiveInt,
        format: Formats = ("png",),
        dpi: Resolution = DPI,
        title: bool = True,
    ) -> None:
        super().__init__(every_n_epochs, format, dpi, title)
        self.num_rows = num_rows
        self.num_columns = num_columns

    def grid(self, context: EvaluationContext) -> Grid:
        num = min(self.num_rows * self.num_columns, context.num_examples)
        batch = context.examples(torch.arange(num))
        both = torch.stack([batch.x, context.latent.reconstruct(batch.x, batch.y)])  # [2, B, C, H, W]
        rows = [row for pair in context.data.to_unit(both).split(self.num_columns, dim=1) for row in pair]
        return Grid(
            rows,
            title=f"{context.split} images and their reconstructions",
            row_labels=["data", "reconstruction"] * (len(rows) // 2),
            row_gaps=range(1, len(rows), 2),
        )
