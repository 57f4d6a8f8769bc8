"""Images of linear interpolations between codes."""

import torch

from vaelab.evaluation.context import EvaluationContext
from vaelab.picture.callback import PictureCallback
from vaelab.picture.files import DPI, Formats, Resolution
from vaelab.picture.grid import Grid
from vaelab.picture.interpolation import decode_between, pair_label, pairs_of
from vaelab.ranges import PositiveInt


class Interpolation(PictureCallback):
    """Logs decoded linear interpolations between the codes of pairs of images, with the images at the ends.

    Linear and not spherical (White 2016, arXiv:1609.04468): a spherical one assumes a prior around the origin with the
    same scale in all dimensions. Pairs are the first images of the split; in a conditional model, the first two of each
    class. Models without a single latent vector, and splits without a pair, log no image.

    Args:
        every_n_epochs: epochs between images.
        num_pairs: largest number of pairs.
        num_steps: number of decoded points per pair.
        format: a list of `png`, `pdf` and `svg`.
        dpi: dots per inch.
        title: whether the title is drawn.
    """

    name = "interpolation"

    def __init__(
        self,
        every_n_epochs: PositiveInt,
        num_pairs: PositiveInt,
        num_steps: PositiveInt,
        format: Formats = ("png",),
        dpi: Resolution = DPI,
        title: bool = True,
    ) -> None:
        super().__init__(every_n_epochs, format, dpi, title)
        self.num_pairs = num_pairs
        self.num_steps = num_steps

    def grid(self, context: EvaluationContext) -> Grid | None:
        pairs, fractions = pairs_of(context, self.num_pairs), torch.linspace(0, 1, self.num_steps)
        x = decode_between(context, pairs, fractions) if len(pairs) else None
        if x is None:
            return None
        ys = context.examples(pairs.flatten()).y
        return Grid(
            list(context.data.to_unit(x)),
            title=f"straight lines between the codes of {context.split} images",
            row_labels=[] if ys is None else [pair_label(context, *pair) for pair in ys.view(-1, 2)],
            column_labels=["data", *(f"{fraction:.2g}" for fraction in fractions.tolist()), "data"],
            column_gaps=[0, self.num_steps],
        )
