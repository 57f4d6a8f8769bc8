"""Reconstruction error."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement


class ReconstructionError(Metric):
    """Mean error per image over all examples of all processes, summed in float64.

    mse: sum of squared errors over pixels and channels, in squared pixel units.
    bce: sum of binary cross-entropies in nats; only if all x lie in [0, 1].
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
        """Add originals x and the means of their reconstructions, on the same scale."""
        x, mean = x.double(), mean.double()
        self.num += x.shape[0]
        self.squared += (x - mean).square().sum()
        self.outside += ((x < 0) | (x > 1)).sum()
        # A float32 mean that has rounded to exactly 0 or 1 would give infinite cross-entropy.
        tiny = torch.finfo(torch.float32).eps
        p = mean.clamp(tiny, 1 - tiny)
        self.cross_entropy -= (x * p.log() + (1 - x) * (-p).log1p()).sum()

    def compute(self) -> tuple[dict[str, Tensor], int]:
        """The errors by name, and the number of examples."""
        errors = {"mse": self.squared / self.num}
        if not self.outside:
            errors["bce"] = self.cross_entropy / self.num
        return errors, int(self.num)


@dataclass(frozen=True)
class Reconstruction:
    """`reconstruction/mse`, and `reconstruction/bce` if x lies in [0, 1], per image."""

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        error = context.metric(ReconstructionError())
        for chunk in context.chunks(error):
            x, y, _ = chunk.batch
            error.update(x, context.latent.reconstruct(x, y))
        units = {"mse": "squared pixels per image", "bce": "nats per image"}
        errors, num = error.compute()
        return [Measurement(f"reconstruction/{name}", float(value), units[name], num) for name, value in errors.items()]
