"""Reconstruction error."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement


class ReconstructionError(Metric):
    """Mean per image, from sums in float64, over all examples of all processes.

    mse: sum of squared errors over pixels and channels; its unit is a squared pixel.
    bce: sum of binary cross-entropies in nats; only where all x lie in [0, 1].
    """

    full_state_update = False
    num: Tensor
    squared: Tensor
    cross_entropy: Tensor
    outside: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "squared", "cross_entropy", "outside"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, x: Float[Tensor, "B *event"], mean: Float[Tensor, "B *event"]) -> None:
        """Originals and the means of their reconstructions, on one scale."""
        x, mean = x.double(), mean.double()
        self.num += x.shape[0]
        self.squared += (x - mean).square().sum()
        self.outside += ((x < 0) | (x > 1)).sum()
        # float32 means of exactly 0 or 1 would cost infinitely many nats; float32 cannot say how many.
        tiny = torch.finfo(torch.float32).eps
        p = mean.clamp(tiny, 1 - tiny)
        self.cross_entropy -= (x * p.log() + (1 - x) * (-p).log1p()).sum()

    def compute(self) -> tuple[dict[str, Tensor], int]:
        """The errors, and the number of examples behind them."""
        errors = {"mse": self.squared / self.num}
        if not self.outside:
            errors["bce"] = self.cross_entropy / self.num
        return errors, int(self.num)


@dataclass(frozen=True)
class Reconstruction:
    """`reconstruction/mse`, and `reconstruction/bce` where x lies in [0, 1], per image."""

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        error = context.metric(ReconstructionError())
        for chunk in context.chunks(error):
            x, y, _ = chunk.batch
            error.update(x, context.latent.reconstruct(x, y))
        units = {"mse": "squared pixels per image", "bce": "nats per image"}
        errors, num = error.compute()
        return [Measurement(f"reconstruction/{name}", float(value), units[name], num) for name, value in errors.items()]
