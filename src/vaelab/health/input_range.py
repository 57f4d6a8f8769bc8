"""Is x on the scale that p(x|z) and the networks are made for?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions.constraints import Constraint
from torchmetrics import Metric

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, pass_or_fail
from vaelab.ranges import Fraction, NonNegativeFloat, PositiveFloat

NAME = "input range"
FAR = 1e6  # outside every bounded support


class Extent(Metric):
    """Minimum, maximum and standard deviation of x over all processes, and how many batches left the support."""

    full_state_update = False
    low: Tensor
    high: Tensor
    num: Tensor
    total: Tensor
    squares: Tensor
    num_outside: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.add_state("low", torch.tensor(torch.inf, dtype=torch.float64), dist_reduce_fx="min")
        self.add_state("high", torch.tensor(-torch.inf, dtype=torch.float64), dist_reduce_fx="max")
        for name in ("num", "total", "squares", "num_outside"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, x: Float[Tensor, "B *event"], accepted: bool) -> None:
        x = x.double()
        self.low = torch.minimum(self.low, x.min())
        self.high = torch.maximum(self.high, x.max())
        self.num += x.numel()
        self.total += x.sum()
        self.squares += x.square().sum()
        self.num_outside += not accepted

    def compute(self) -> tuple[float, float, float, bool]:
        """Minimum, maximum, standard deviation, and whether all of x is in the support."""
        variance = self.squares / self.num - (self.total / self.num).square()
        return float(self.low), float(self.high), float(variance.clamp(min=0).sqrt()), not self.num_outside


@dataclass(frozen=True)
class InputRange:
    """Training x lies in the support of p(x|z) and covers a usual range.

    The networks and their initialization expect numbers near 1.

    Args:
        min_share: smallest share of [0, 1] that x must span, if the support is bounded, in [0, 1].
        min_deviation: smallest standard deviation of x, if the support is unbounded, >= 0.
        max_deviation: largest standard deviation of x, if the support is unbounded, > 0.
    """

    min_share: Fraction
    min_deviation: NonNegativeFloat
    max_deviation: PositiveFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context, extent = check_context.evaluation, check_context.evaluation.metric(Extent())
        likelihood = context.latent.likelihood
        for chunk in context.chunks(extent, "train"):
            extent.update(chunk.batch.x, likelihood.accepts(chunk.batch.x))
        low, high, deviation, accepted = extent.compute()
        seen = f"training x spans {low:.4g} to {high:.4g}"
        if not accepted:
            way_out = "set data.scale=unit for 8-bit pixels, or likelihood=gaussian_learned for any x"
            fact = f"{seen}, but p(x|z) needs {likelihood.support_text}"
            return pass_or_fail(NAME, False, high - low, "wide", fact, way_out)
        if is_bounded(likelihood.support):
            way_out = "do not divide twice: data.scale=unit wants pixels stored as 0 to 255"
            return pass_or_fail(NAME, high - low >= self.min_share, high - low, "of [0, 1]", seen, way_out)
        fine = self.min_deviation <= deviation <= self.max_deviation
        way_out = (
            "networks are made for deviations near 1: set data.scale=unit, or standardise data that are not pixels"
        )
        return pass_or_fail(NAME, fine, deviation, "deviation", seen, way_out)


def is_bounded(support: Constraint) -> bool:
    """Whether the support is [0, 1] or a grid in it."""
    return not bool(support.check(torch.tensor([-FAR, FAR])).all())
