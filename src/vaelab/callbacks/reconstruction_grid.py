"""Do codes keep what an image shows?"""

import torch

from vaelab.picture.callback import PictureCallback
from vaelab.picture.grid import Grid
from vaelab.picture.view import View
from vaelab.ranges import PositiveInt


class ReconstructionGrid(PictureCallback):
    """The first images of the split, and under each its reconstruction from the posterior's mean."""

    name = "reconstruction_grid"

    def __init__(self, every_n_epochs: PositiveInt, num_rows: PositiveInt, num_columns: PositiveInt) -> None:
        super().__init__(every_n_epochs)
        self.num_rows = num_rows
        self.num_columns = num_columns

    def grid(self, view: View) -> Grid:
        batch = view.first(self.num_rows * self.num_columns)
        both = torch.stack([batch.x, view.latent.reconstruct(batch.x, batch.y)])  # [2, B, C, H, W]
        rows = [row for pair in view.images(both).split(self.num_columns, dim=1) for row in pair]
        return Grid(
            rows,
            title=f"{view.split} images and their reconstructions",
            row_labels=["data", "reconstruction"] * (len(rows) // 2),
            row_gaps=range(1, len(rows), 2),
        )
