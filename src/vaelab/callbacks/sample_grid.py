"""Images of samples of the prior."""

import torch
from torch import Tensor

from vaelab.data.randomness import seeded
from vaelab.evaluation.context import EvaluationContext
from vaelab.picture.callback import PictureCallback
from vaelab.picture.files import DPI, Formats, Resolution
from vaelab.picture.grid import Grid
from vaelab.ranges import PositiveFloat, PositiveInt


class SampleGrid(PictureCallback):
    """Logs samples of the prior: a square, or one row per class of a conditional model.

    All classes get the same noise, so that under a prior that does not depend on the class each column has one z: style
    is constant along a column, and the class changes.

    Args:
        every_n_epochs: epochs between images.
        num_columns: samples per row.
        max_classes: largest number of rows.
        temperature: factor of the prior's scale, > 0.
        format: a list of `png`, `pdf` and `svg`.
        dpi: dots per inch.
        title: whether the title is drawn.
    """

    name = "sample_grid"

    def __init__(
        self,
        every_n_epochs: PositiveInt,
        num_columns: PositiveInt,
        max_classes: PositiveInt,
        temperature: PositiveFloat,
        format: Formats = ("png",),
        dpi: Resolution = DPI,
        title: bool = True,
    ) -> None:
        super().__init__(every_n_epochs, format, dpi, title)
        self.num_columns = num_columns
        self.max_classes = max_classes
        self.temperature = temperature

    def grid(self, context: EvaluationContext) -> Grid:
        at_temperature = "" if self.temperature == 1 else f" at temperature {self.temperature:g}"
        if context.latent.conditional:
            classes = range(min(context.data.num_classes, self.max_classes))
            return Grid(
                [self.of_class(context, y) for y in classes],
                title=f"samples of each class{at_temperature}; a column shares its noise",
                row_labels=[context.data.class_name(y) for y in classes],
            )
        x = context.latent.sample(self.num_columns**2, None, self.temperature)
        return Grid(context.data.to_unit(x).split(self.num_columns), title=f"samples{at_temperature}")

    def of_class(self, context: EvaluationContext, y: int) -> Tensor:
        """The samples of one row, whose noise does not depend on the class."""
        labels = torch.full((self.num_columns,), y, device=context.device)
        with seeded(context.seed, self.name):
            return context.data.to_unit(context.latent.sample(self.num_columns, labels, self.temperature))
