"""Does the model know its training examples by heart?"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Terms


class Bounds(Metric):
    """Mean and standard deviation of the ELBO over all examples of all processes, in nats."""

    full_state_update = False
    num: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "total", "squares"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, terms: Terms) -> None:
        elbo = terms.log_px.double().mean(0) - terms.kl.double().sum(1)
        self.num += len(elbo)
        self.total += elbo.sum()
        self.squares += elbo.square().sum()

    def compute(self) -> tuple[float, float]:
        mean = self.total / self.num
        return float(mean), float((self.squares / self.num - mean.square()).clamp(min=0).sqrt())


@dataclass(frozen=True)
class GeneralizationGap:
    """ELBO of training examples less that of as many validation examples, at most `max_gap` standard deviations.

    In units of how much the ELBO varies over validation examples: unlike a share of the ELBO, that does not
    depend on the unit of x, nor on where a log-density happens to be zero.
    """

    max_gap: NonNegativeFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        num = min(check_context.evaluation.size(split) for split in ("train", "validation"))
        train, _ = bounds(check_context, "train", num)
        validation, deviation = bounds(check_context, "validation", num)
        if deviation == 0:
            return not_applicable("train/validation gap", f"{num} validation examples do not differ in their ELBO")
        gap = (train - validation) / deviation
        fact = f"ELBO {train:.2f} in training, {validation:.2f} in validation"
        way_out = "set smaller networks, fewer trainer.max_epochs, or use more data"
        return pass_or_fail("train/validation gap", gap <= self.max_gap, gap, "deviations", fact, way_out)


def bounds(check_context: CheckContext, split: str, num: int) -> tuple[float, float]:
    """Mean and standard deviation of the ELBO over the first `num` examples of a split."""
    context, metric = check_context.evaluation, check_context.evaluation.metric(Bounds())
    for chunk in context.chunks(metric, split, num):
        with context.seeded("gap", split, chunk.number):
            metric.update(context.latent(chunk.batch))
    return metric.compute()
