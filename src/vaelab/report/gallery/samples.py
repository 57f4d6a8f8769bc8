"""Samples of the prior for each class and several temperatures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaelab.data.randomness import seeded
from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.report.gallery.pixels import dots_of
from vaelab.report.sheet import Sheet, sheet_of, shrink

MAX_CLASSES = 20
PER_CLASS = 20
WITHOUT_CLASS = 60


@dataclass(frozen=True)
class Samples:
    """One sheet for each temperature, with a row for each class; one row without a name if there are no classes."""

    sheets: tuple[Sheet, ...]
    temperatures: tuple[float, ...]
    classes: tuple[str, ...]


def draw_samples(context: EvaluationContext, temperatures: Sequence[float], num_pictures: int) -> Samples:
    """At most `num_pictures` of the mean of p(x | z, y); a column has the same noise in all classes and temperatures.

    A prior whose spread cannot be changed gives those of temperature 1 only.
    """
    classes = min(context.data.num_classes, MAX_CLASSES) if context.latent.conditional else 0
    accepted = [one for one in temperatures if one == 1 or accepts(context, one)]
    columns = PER_CLASS if classes else WITHOUT_CLASS
    num, columns = shrink((len(accepted), columns), (1, 8), num_pictures // max(1, classes))
    chosen = sorted(sorted(accepted, key=lambda one: abs(one - 1))[:num])
    sheets = [sheet_of(np.stack(rows_of(context, one, classes, columns))) for one in chosen]
    return Samples(tuple(sheets), tuple(chosen), tuple(context.data.class_name(y) for y in range(classes)))


def accepts(context: EvaluationContext, temperature: float) -> bool:
    """Whether the latent structure can sample at this temperature."""
    try:
        sample(context, None if not context.latent.conditional else 0, 1, temperature)
    except UserError:
        return False
    return True


def rows_of(context: EvaluationContext, temperature: float, num_classes: int, columns: int) -> list[np.ndarray]:
    """The samples of each class."""
    labels = range(num_classes) if num_classes else [None]
    return [dots_of(context.data, sample(context, y, columns, temperature)) for y in labels]


def sample(context: EvaluationContext, y: int | None, num: int, temperature: float) -> Tensor:
    """`num` samples of a class, whose noise depends on neither class nor temperature."""
    labels = None if y is None else torch.full((num,), y, device=context.device)
    with seeded(context.seed, "report samples"):
        return context.latent.sample(num, labels, temperature)
