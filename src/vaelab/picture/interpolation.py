"""Straight lines between the codes of pairs of examples."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.evaluation.context import EvaluationContext


def pairs_of(context: EvaluationContext, num_pairs: int) -> Int[Tensor, "P 2"]:
    """Indices of the examples to connect: neighbours, or in a conditional model the first two of each class."""
    split = context.data.split(context.split)
    if not context.latent.conditional or split.y is None:
        return torch.arange(2 * min(num_pairs, len(split) // 2)).view(-1, 2)
    members = [split.y.eq(y).nonzero().flatten()[:2] for y in range(context.data.num_classes)]
    chosen = [pair for pair in members if len(pair) == 2][:num_pairs]
    return torch.cat([torch.empty(0, dtype=torch.long), *chosen]).view(-1, 2)


def line(
    start: Float[Tensor, "P D"], end: Float[Tensor, "P D"], fractions: Float[Tensor, " T"]
) -> Float[Tensor, "P T D"]:
    """Points on the straight line from `start`, at 0, to `end`, at 1."""
    return torch.lerp(start[:, None], end[:, None], fractions[:, None])


def decode_between(
    context: EvaluationContext, pairs: Int[Tensor, "P 2"], fractions: Float[Tensor, " T"]
) -> Float[Tensor, "P U *event"] | None:
    """For each pair of examples the first, the decoded points of the line between their codes, and the second.

    U = T + 2. None if the latent is not a single vector. A conditional model decodes with the label of the first.
    """
    batch = context.examples(pairs.flatten())
    code = context.latent.encode(batch.x, batch.y)
    if code.dim() != 2:
        return None
    path = line(code[::2], code[1::2], fractions.to(code))  # [P, T, D]
    y = None if batch.y is None else batch.y[::2].repeat_interleave(len(fractions))
    between = context.latent.decode(path.flatten(0, 1), y).mean.unflatten(0, (-1, len(fractions)))
    ends = batch.x.unflatten(0, (-1, 2))
    return torch.cat([ends[:, :1], between, ends[:, 1:]], 1)


def pair_label(context: EvaluationContext, start: Tensor | int, end: Tensor | int) -> str:
    """The class of a pair in a conditional model, else the classes of both."""
    names = context.data.class_name(start), context.data.class_name(end)
    return names[0] if context.latent.conditional else " – ".join(names)
