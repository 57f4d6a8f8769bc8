"""The importance-weighted bound of a trained model."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.bounds import effective_sample_size, streamed_log_sums
from vaelab.ranges import NonNegativeFloat, PositiveInt


class ImportanceWeightedBound(Metric):
    """Mean negative bound in nats per example, from sums in float64, with its standard error over examples.

    And the mean effective sample size, and whether every x had a density.
    """

    full_state_update = False
    num: Tensor
    total: Tensor
    squares: Tensor
    effective: Tensor
    pseudo: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "total", "squares", "effective", "pseudo"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, bound: Float[Tensor, " B"], effective: Float[Tensor, " B"], is_density: bool) -> None:
        bound = bound.double()
        self.num += bound.shape[0]
        self.total -= bound.sum()
        self.squares += bound.square().sum()
        self.effective += effective.double().sum()
        self.pseudo += not is_density

    def compute(self) -> tuple[str, dict[str, Tensor], int]:
        """`nll`, or `bce` where the likelihood was no density of some x; the numbers; the examples behind them."""
        mean = self.total / self.num
        variance = (self.squares / self.num - mean.square()).clamp(min=0) / (self.num - 1).clamp(min=1)
        values = {"bound": mean, "error": variance.sqrt(), "effective": self.effective / self.num}
        return ("bce" if self.pseudo else "nll"), values, int(self.num)


@dataclass(frozen=True)
class Importance:
    """`nll/iw<k>` in nats per example, or `bce/iw<k>` for a pseudo-likelihood, and `ess/iw<k>`.

    `num_samples` is k; `chunk` is how many of them are decoded at a time, which bounds the memory. Where x are grey
    levels, by a likelihood of levels or until noise was added, `bpd/iw<k>` is the same in bits per dimension. With
    fewer than `min_effective` weights that count, on the average, the bound need not be near log p(x), and the
    record says so.
    """

    num_samples: PositiveInt
    chunk: PositiveInt
    min_effective: NonNegativeFloat

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        streamed_log_sums(context.latent, context.dummy_batch(), 1, 1)  # what it refuses, all processes refuse
        bound = context.metric(ImportanceWeightedBound())
        for chunk in context.chunks(bound):
            with context.seeded("importance", chunk.number):
                sums = streamed_log_sums(context.latent, chunk.batch, self.num_samples, self.chunk)
            is_density = context.latent.likelihood.is_density(chunk.batch.x)
            bound.update(sums[0] - math.log(self.num_samples), effective_sample_size(sums), is_density)
        kind, values, num = bound.compute()
        return list(self.measurements(context, kind, {name: float(value) for name, value in values.items()}, num))

    def measurements(
        self, context: EvaluationContext, kind: str, values: dict[str, float], num: int
    ) -> Iterator[Measurement]:
        k, effective, warning = self.num_samples, values["effective"], ""
        if k > 1 and effective < self.min_effective:
            warning = (
                f"of {k} importance weights only {effective:.1f} count, so the bound may be far from log p(x); "
                "take more samples, or measure nll/ais"
            )
        name, nll, error = f"iw{k}", values["bound"], values["error"]
        yield Measurement(f"{kind}/{name}", nll, "nats per example", num, k, error=error, warning=warning)
        yield Measurement(f"ess/{name}", effective, f"of {k} importance weights", num, k)
        cell = 1.0 if context.latent.likelihood.support.is_discrete else context.data.pixels.cell
        if kind == "nll" and cell is not None:
            bits = (nll / math.prod(context.data.shape) - math.log(cell)) / math.log(2)
            yield Measurement(f"bpd/{name}", bits, "bits per dimension", num, k, warning=warning)
