"""The importance-weighted bound of a trained model."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.bounds import effective_sample_size, streamed_log_sums
from vaelab.metric.moments import Moments, Summary
from vaelab.ranges import NonNegativeFloat, PositiveInt


@dataclass(frozen=True)
class Importance:
    """`nll/iw<k>` in nats per example, or `bce/iw<k>` for a pseudo-likelihood, and `ess/iw<k>`, with k = `num_samples`.

    If x are discrete grey levels, or were before dequantization noise was added, `bpd/iw<k>` is the same bound in bits
    per dimension.

    Args:
        num_samples: k, the importance samples per example.
        chunk: samples that are decoded at a time; bounds the memory.
        min_effective: mean effective sample size below which the record carries a warning.
    """

    num_samples: PositiveInt
    chunk: PositiveInt
    min_effective: NonNegativeFloat

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        streamed_log_sums(context.latent, context.dummy_batch(), 1, 1)  # fail on every rank before the first collective
        moments = context.metric(Moments(["nll", "ess", "is_density"]))
        for chunk in context.chunks(moments):
            with context.seeded("importance", chunk.number):
                sums = streamed_log_sums(context.latent, chunk.batch, self.num_samples, self.chunk)
            nll = math.log(self.num_samples) - sums[0]
            is_density = torch.full_like(nll, context.latent.likelihood.is_density(chunk.batch.x))
            moments.update({"nll": nll, "ess": effective_sample_size(sums), "is_density": is_density})
        return list(self.measurements(context, moments.compute()))

    def measurements(self, context: EvaluationContext, summary: Summary) -> Iterator[Measurement]:
        """The bound with its standard error over examples, the effective sample size, and bits per dimension."""
        k, num, effective, warning = self.num_samples, summary.num, float(summary.mean("ess")), ""
        if k > 1 and effective < self.min_effective:
            warning = (
                f"only {effective:.1f} of {k} importance weights count, so the bound may be far from log p(x); "
                "take more samples, or measure nll/ais"
            )
        name, nll, error = f"iw{k}", float(summary.mean("nll")), float(summary.error("nll"))
        kind = "nll" if summary.mean("is_density") == 1 else "bce"
        yield Measurement(f"{kind}/{name}", nll, "nats per example", num, k, error=error, warning=warning)
        yield Measurement(f"ess/{name}", effective, f"of {k} importance weights", num, k)
        cell = 1.0 if context.latent.likelihood.support.is_discrete else context.data.pixels.cell
        if kind == "nll" and cell is not None:
            bits = (nll / math.prod(context.data.shape) - math.log(cell)) / math.log(2)
            yield Measurement(f"bpd/{name}", bits, "bits per dimension", num, k, warning=warning)
