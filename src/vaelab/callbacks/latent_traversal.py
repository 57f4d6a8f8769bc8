"""Images of traversals of single latent dimensions."""

from collections.abc import Sequence
from typing import Annotated

import lightning.pytorch as pl
import torch
from annotated_types import MinLen
from jaxtyping import Float
from torch import Tensor

from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.model.vae import VAE
from vaelab.picture.callback import PictureCallback
from vaelab.picture.files import DPI, Formats, Resolution
from vaelab.picture.grid import Grid
from vaelab.picture.traversal import prior_quantiles, sweep
from vaelab.ranges import NonNegativeInt, OpenFraction, PositiveInt
from vaelab.terms import Batch, Terms


class LatentTraversal(PictureCallback):
    """Logs decoded traversals: each row moves one dimension of the code of one image through quantiles of p(z).

    Higgins et al. 2017, ICLR, figure 1. Rows are sorted by mean KL(q(z_d | x) || p(z_d)) over the evaluated split
    (over rank 0's shard of it), which is written beside them. If the KL has no parts per dimension, rows keep the order
    of the dimensions. Models without a single latent vector log no image.

    Args:
        every_n_epochs: epochs between images.
        max_dimensions: largest number of rows.
        quantiles: levels of p(z) in (0, 1), one per column.
        example: index of the image in the split.
        format: a list of `png`, `pdf` and `svg`.
        dpi: dots per inch.
        title: whether the title is drawn.
    """

    name = "latent_traversal"

    def __init__(
        self,
        every_n_epochs: PositiveInt,
        max_dimensions: PositiveInt,
        quantiles: Annotated[Sequence[OpenFraction], MinLen(1)],
        example: NonNegativeInt,
        format: Formats = ("png",),
        dpi: Resolution = DPI,
        title: bool = True,
    ) -> None:
        super().__init__(every_n_epochs, format, dpi, title)
        self.max_dimensions = max_dimensions
        self.quantiles = quantiles
        self.example = example
        self.restart()

    def restart(self) -> None:
        self.kl_sums: list[Float[Tensor, " G"]] = []
        self.num_examples = 0

    def add(self, terms: Terms) -> None:
        self.kl_sums.append(terms.kl.double().sum(0))
        self.num_examples += len(terms.kl)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        size = len(pl_module.data.split("validation"))
        if self.example >= size:
            raise UserError(
                f"callbacks.latent_traversal.example={self.example} is not among the {size} validation examples; "
                f"set it between 0 and {size - 1}"
            )

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.restart()

    def on_test_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.restart()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: Terms,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.add(outputs)

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: Terms,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.add(outputs)

    def grid(self, context: EvaluationContext) -> Grid | None:
        if self.example >= len(context.data.split(context.split)):  # a test split may be smaller
            return None
        batch = context.examples(torch.tensor([self.example]))
        code, prior = context.latent.encode(batch.x, batch.y), context.latent(batch).prior
        if code.dim() != 2 or prior.event_shape != code.shape[1:]:
            return None
        labels = self.rank_dimensions(code.shape[1])
        values = prior_quantiles(prior, torch.tensor(self.quantiles, dtype=torch.float32, device=context.device))
        z = torch.stack([sweep(code[0], d, values[:, d]) for d in labels])  # [D, Q, D]
        z = torch.cat([code.expand(len(z), 1, -1), z], 1).flatten(0, 1)
        x = context.latent.decode(z, None if batch.y is None else batch.y.expand(len(z))).mean
        shown = "" if batch.y is None else f" ({context.data.class_name(batch.y)})"
        return Grid(
            context.data.to_unit(x).split(1 + len(self.quantiles)),
            title=f"{context.split} image {self.example}{shown}: each latent dimension through quantiles of the prior",
            row_labels=list(labels.values()),
            column_labels=["start", *(f"{level:g}" for level in self.quantiles)],
            column_gaps=[0],
        )

    def rank_dimensions(self, num_dimensions: int) -> dict[int, str]:
        """The dimensions to show, in order, with their labels."""
        kl = torch.stack(self.kl_sums).sum(0) / self.num_examples if self.num_examples else torch.empty(0)
        if len(kl) != num_dimensions:
            return {d: f"z{d}" for d in range(min(num_dimensions, self.max_dimensions))}
        order = kl.argsort(descending=True)[: self.max_dimensions].tolist()
        return {d: f"z{d}  {kl[d]:.2f} nats" for d in order}
