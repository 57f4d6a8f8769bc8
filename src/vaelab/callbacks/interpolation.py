"""Images of linear interpolations between codes."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.evaluation.context import EvaluationContext
from vaelab.picture.callback import PictureCallback
from vaelab.picture.grid import Grid
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
    """

    name = "interpolation"

    def __init__(self, every_n_epochs: PositiveInt, num_pairs: PositiveInt, num_steps: PositiveInt) -> None:
        super().__init__(every_n_epochs)
        self.num_pairs = num_pairs
        self.num_steps = num_steps

    def grid(self, context: EvaluationContext) -> Grid | None:
        pairs = self.pairs(context)
        if not len(pairs):
            return None
        batch = context.examples(pairs.flatten())
        code = context.latent.encode(batch.x, batch.y)
        if code.dim() != 2:
            return None
        fractions = torch.linspace(0, 1, self.num_steps)
        path = line(code[::2], code[1::2], fractions.to(code))  # [P, T, D]
        y = None if batch.y is None else batch.y[::2].repeat_interleave(self.num_steps)
        between = context.latent.decode(path.flatten(0, 1), y).mean.unflatten(0, (-1, self.num_steps))
        ends = batch.x.unflatten(0, (-1, 2))
        x = torch.cat([ends[:, :1], between, ends[:, 1:]], 1)  # [P, T + 2, C, H, W]
        return Grid(
            list(context.data.to_unit(x)),
            title=f"straight lines between the codes of {context.split} images",
            row_labels=[] if batch.y is None else [self.label(context, *ys) for ys in batch.y.view(-1, 2)],
            column_labels=["data", *(f"{fraction:.2g}" for fraction in fractions.tolist()), "data"],
            column_gaps=[0, self.num_steps],
        )

    def pairs(self, context: EvaluationContext) -> Int[Tensor, "P 2"]:
        """Indices of the examples to connect, two per pair."""
        split = context.data.split(context.split)
        if not context.latent.conditional or split.y is None:
            return torch.arange(2 * min(self.num_pairs, len(split) // 2)).view(-1, 2)
        members = [split.y.eq(y).nonzero().flatten()[:2] for y in range(context.data.num_classes)]
        chosen = [pair for pair in members if len(pair) == 2][: self.num_pairs]
        return torch.cat([torch.empty(0, dtype=torch.long), *chosen]).view(-1, 2)

    def label(self, context: EvaluationContext, start: Tensor, end: Tensor) -> str:
        names = context.data.class_name(start), context.data.class_name(end)
        return names[0] if context.latent.conditional else " – ".join(names)


def line(
    start: Float[Tensor, "P D"], end: Float[Tensor, "P D"], fractions: Float[Tensor, " T"]
) -> Float[Tensor, "P T D"]:
    """Points on the straight line from `start`, at 0, to `end`, at 1."""
    return torch.lerp(start[:, None], end[:, None], fractions[:, None])
