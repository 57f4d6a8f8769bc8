"""How many latent dimensions carry anything."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.ranges import NonNegativeFloat


class ActiveUnits(Metric):
    """Number of dimensions d with Var_x(E_q[z_d | x]) > threshold, over all examples of all processes.

    Burda et al. 2016, arXiv:1509.00519, section 4.2 and appendix; their threshold is 0.01.
    """

    full_state_update = False
    num: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self, latent_dim: int, threshold: float = 0.01) -> None:
        super().__init__()
        self.threshold = threshold
        self.set_dtype(torch.float64)
        self.add_state("num", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("total", "squares"):
            self.add_state(name, torch.zeros(latent_dim, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, code: Float[Tensor, "B D"]) -> None:
        """Posterior means."""
        code = code.double()
        self.num += code.shape[0]
        self.total += code.sum(0)
        self.squares += code.square().sum(0)

    def compute(self) -> tuple[Tensor, int]:
        """The count, NaN where a code is, and the number of examples behind it."""
        variance = self.squares / self.num - (self.total / self.num).square()
        return (variance > self.threshold).sum() + 0 * variance.sum(), int(self.num)


@dataclass(frozen=True)
class Activity:
    """`active_units`, the number of latent dimensions whose posterior mean varies over x."""

    threshold: NonNegativeFloat

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        units = context.metric(ActiveUnits(code_size(context), self.threshold))
        for chunk in context.chunks(units):
            units.update(context.latent.encode(chunk.batch.x, chunk.batch.y))
        count, num = units.compute()
        return [Measurement("active_units", float(count), f"of {len(units.total)} dimensions", num)]


def code_size(context: EvaluationContext) -> int:
    """D, the number of elements of a code."""
    x, y, _ = context.dummy_batch()
    return context.latent.encode(x, y).shape[1]
