"""Traversals of single latent dimensions, for a slider each."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.evaluation.context import EvaluationContext
from vaelab.picture.traversal import prior_quantiles, sweep
from vaelab.report.gallery.pixels import dots_of
from vaelab.report.sheet import Sheet, sheet_of, shrink

NUM_RANKED = 500  # examples over which the KL of a dimension is averaged
NUM_EXAMPLES = 3
NUM_STEPS = 15
LOWEST, HIGHEST = 0.01, 0.99


@dataclass(frozen=True)
class Dimension:
    """A latent dimension with its mean KL in nats, None where the KL has no parts per dimension."""

    index: int
    nats: float | None


@dataclass(frozen=True)
class Traversals:
    """One sheet for each example, with a row for each dimension and a column for each quantile of the prior.

    `values` has the latent's value of each picture, in the order of the sheet's.
    """

    sheets: tuple[Sheet, ...]
    examples: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    quantiles: tuple[float, ...]
    values: tuple[tuple[tuple[float, ...], ...], ...]


def draw_traversals(context: EvaluationContext, max_dimensions: int, num_pictures: int) -> Traversals | None:
    """At most `num_pictures`, of the dimensions with the largest KL; None if the latent is not a single vector."""
    first = context.dummy_batch()
    code, prior = context.latent.encode(first.x, first.y), context.latent(first).prior
    if code.dim() != 2 or prior.event_shape != code.shape[1:]:
        return None
    wanted = (min(NUM_EXAMPLES, context.num_examples), min(max_dimensions, code.shape[1]), NUM_STEPS)
    num, num_dimensions, steps = shrink(wanted, (1, 1, 7), num_pictures)
    dimensions = ranked(context, code.shape[1])[:num_dimensions]
    levels = torch.linspace(LOWEST, HIGHEST, steps, device=context.device)
    drawn = [traverse(context, example, dimensions, levels) for example in range(num)]
    return Traversals(
        sheets=tuple(sheet for sheet, _ in drawn),
        examples=tuple(name_of(context, example) for example in range(num)),
        dimensions=tuple(dimensions),
        quantiles=tuple(round(level, 3) for level in levels.tolist()),
        values=tuple(tuple(tuple(round(one, 3) for one in row) for row in values.T.tolist()) for _, values in drawn),
    )


def traverse(
    context: EvaluationContext, example: int, dimensions: list[Dimension], levels: Float[Tensor, " Q"]
) -> tuple[Sheet, Float[Tensor, "Q D"]]:
    """The decoded traversals of an example, and the values that its dimensions take."""
    batch = context.examples(torch.tensor([example]))
    code, prior = context.latent.encode(batch.x, batch.y), context.latent(batch).prior
    chosen = [one.index for one in dimensions]
    values = prior_quantiles(prior, levels)
    z = torch.cat([sweep(code[0], d, values[:, d]) for d in chosen])
    x = context.latent.decode(z, None if batch.y is None else batch.y.expand(len(z))).mean
    dots = dots_of(context.data, x)
    return sheet_of(dots.reshape(len(chosen), len(levels), *dots.shape[1:])), values[:, chosen]


def ranked(context: EvaluationContext, num_dimensions: int) -> list[Dimension]:
    """The dimensions, those with the largest mean KL(q(z_d | x) || p(z_d)) first."""
    indices = torch.arange(min(NUM_RANKED, context.num_examples))
    with context.seeded("report traversals"):
        kl = torch.cat([context.latent(context.examples(part)).kl for part in indices.split(context.data.chunk)])
    if kl.shape[1] != num_dimensions:
        return [Dimension(index, None) for index in range(num_dimensions)]
    means = kl.double().mean(0)
    return [Dimension(index, float(means[index])) for index in means.argsort(descending=True).tolist()]


def name_of(context: EvaluationContext, example: int) -> str:
    """An example's number, and its class if it has one."""
    y = context.examples(torch.tensor([example])).y
    return f"image {example}" if y is None else f"image {example} ({context.data.class_name(y)})"
