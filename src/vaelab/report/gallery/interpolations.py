"""Straight lines between the codes of images."""

from dataclasses import dataclass

import torch

from vaelab.evaluation.context import EvaluationContext
from vaelab.picture.interpolation import decode_between, pair_label, pairs_of
from vaelab.report.gallery.pixels import dots_of
from vaelab.report.sheet import Sheet, sheet_of, shrink

NUM_PAIRS = 8
NUM_STEPS = 9


@dataclass(frozen=True)
class Interpolations:
    """A row for each pair: an image, decoded points of the line between the two codes, the other image."""

    sheet: Sheet
    labels: tuple[str, ...]


def draw_interpolations(context: EvaluationContext, num_pictures: int) -> Interpolations | None:
    """At most `num_pictures`; None if the latent is not a single vector, or the split has no pair."""
    num_pairs, num_columns = shrink((NUM_PAIRS, NUM_STEPS + 2), (1, 5), num_pictures)
    pairs = pairs_of(context, num_pairs)
    fractions = torch.linspace(0, 1, num_columns - 2)
    x = decode_between(context, pairs, fractions) if len(pairs) else None
    if x is None:
        return None
    dots = dots_of(context.data, x.flatten(0, 1))
    ys = context.examples(pairs.flatten()).y
    labels = () if ys is None else tuple(pair_label(context, *pair) for pair in ys.view(-1, 2))
    return Interpolations(sheet_of(dots.reshape(*x.shape[:2], *dots.shape[1:])), labels)
