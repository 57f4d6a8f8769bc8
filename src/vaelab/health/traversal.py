"""Does the decoded image change with each active latent dimension?"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.health.active_units import code_variance
from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.ranges import Fraction, NonNegativeFloat, PositiveInt

NAME = "traversal"
LEVELS = (0.1, 0.9)


class Responses(Metric):
    """How far the decoded mean moves along each of `num` dimensions, in standard deviations of x, [num].

    sqrt(mean_i (m_i(high) - m_i(low))^2) / sqrt(Var x), over elements i of all examples of all processes
    """

    full_state_update = False
    count: Tensor
    total: Tensor
    squares: Tensor
    moved: Tensor

    def __init__(self, num: int) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("count", "total", "squares"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("moved", torch.zeros(num, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, x: Float[Tensor, "B *event"], moved: Float[Tensor, " num"]) -> None:
        """Add examples x, and the summed squared distance by which each dimension moves their means, [num]."""
        x = x.double()
        self.count += x.numel()
        self.total += x.sum()
        self.squares += x.square().sum()
        self.moved += moved

    def compute(self) -> Float[Tensor, " num"]:
        variance = self.squares / self.count - (self.total / self.count).square()
        return (self.moved / self.count / variance).sqrt()


@dataclass(frozen=True)
class Traversal:
    """The share of active dimensions along which the decoded image changes.

    One dimension of a code moves from the 10 % to the 90 % quantile of p(z); it responds if the decoded mean changes.

    Args:
        threshold: variance of the posterior mean above which a dimension is active, >= 0.
        max_dimensions: largest number of dimensions to check, those of highest variance.
        num_codes: examples whose codes are varied.
        num_draws: draws of p(z) that give its quantiles.
        min_response: smallest change that counts as a response, in standard deviations of x, >= 0.
        min_share: smallest share of responding dimensions that passes, in [0, 1].
    """

    threshold: NonNegativeFloat
    max_dimensions: PositiveInt
    num_codes: PositiveInt
    num_draws: PositiveInt
    min_response: NonNegativeFloat
    min_share: Fraction

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context = check_context.evaluation
        if context.latent.codebook is not None:
            return not_applicable(NAME, "codes of a codebook have no order to go through")
        low, high = quantiles(context, self.num_draws)
        variance = code_variance(context)
        # A category that is rarer than both quantiles does not move between them.
        active = (variance > self.threshold) & (low < high)
        order = variance.masked_fill(~active, -torch.inf).argsort(descending=True, stable=True)
        dimensions = order[: min(int(active.sum()), self.max_dimensions)]
        if not len(dimensions):
            return not_applicable(NAME, "no dimension is active and has two quantiles to move between")
        responses = self.responses(context, dimensions, low, high)
        share = float((responses >= self.min_response).double().mean())
        fact = f"the weakest of {len(dimensions)} active dimensions moves x by {responses.min():.2g} deviations"
        way_out = "the decoder ignores some of z: set a smaller latent_dim"
        line = pass_or_fail(NAME, share >= self.min_share, share, "of active", fact, way_out)
        each = zip(dimensions.tolist(), responses.tolist(), strict=True)
        return replace(line, details={f"z{dimension}": response for dimension, response in each})

    def responses(
        self,
        context: EvaluationContext,
        dimensions: Int[Tensor, " A"],
        low: Float[Tensor, " D"],
        high: Float[Tensor, " D"],
    ) -> Float[Tensor, " A"]:
        """How far the decoded mean moves along each of the dimensions, in standard deviations of x."""
        responses = context.metric(Responses(len(dimensions)))
        for chunk in context.chunks(responses, limit=self.num_codes):
            x, y, _ = chunk.batch
            code = context.latent.encode(x, y)
            moved = []
            for d in dimensions.tolist():
                ends = code.repeat(2, 1, 1)  # [2, B, D]
                ends[0, :, d], ends[1, :, d] = low[d], high[d]
                start, end = context.latent.decode(ends, y).mean.double()
                moved.append((end - start).square().sum())
            responses.update(x, torch.stack(moved))
        return responses.compute().reshape(-1)  # torchmetrics squeezes a single element


def quantiles(context: EvaluationContext, num_draws: int) -> Float[Tensor, "2 D"]:
    """The 10 % and 90 % quantiles of each dimension of p(z), from draws: a ladder or a flow has no formula for them."""
    labels = torch.arange(num_draws, device=context.device) % max(1, context.data.num_classes)
    with context.seeded("traversal"):
        z = context.latent.draw(num_draws, labels if context.latent.conditional else None)
    return z.float().quantile(torch.tensor(LEVELS, dtype=torch.float32, device=z.device), 0)
