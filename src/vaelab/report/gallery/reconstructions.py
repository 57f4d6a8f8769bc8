"""Images and their reconstructions."""

from dataclasses import dataclass

import numpy as np
import torch

from vaelab.evaluation.context import EvaluationContext
from vaelab.report.gallery.pixels import dots_of
from vaelab.report.sheet import Sheet, sheet_of


@dataclass(frozen=True)
class Reconstructions:
    """The first images of the split above their reconstructions; `labels` has their classes, if there are any."""

    sheet: Sheet
    labels: tuple[str, ...]


def draw_reconstructions(context: EvaluationContext, num_pictures: int) -> Reconstructions:
    """At most `num_pictures`, two of each example; a reconstruction is the mean of p(x | z) at the code."""
    batch = context.examples(torch.arange(max(1, min(num_pictures // 2, context.num_examples))))
    both = (batch.x, context.latent.reconstruct(batch.x, batch.y))
    names = () if batch.y is None else tuple(context.data.class_name(y) for y in batch.y)
    return Reconstructions(sheet_of(np.stack([dots_of(context.data, x) for x in both])), names)
