"""Importance-weighted bounds on log p(x)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.errors import UserError
from vaelab.evaluation.context import Subject
from vaelab.evaluation.measurement import Figure
from vaelab.protocol import LatentStructure, WeighsSamples
from vaelab.ranges import NonNegativeFloat, PositiveInt
from vaelab.terms import Batch

CHUNK = 10  # samples that are decoded at a time where nobody says how many, which bounds the memory


def importance_weighted_bound(log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
    """Lower bound on log p(x) in nats, one per example, tighter as S grows.

    log 1/S sum_s p(x, z_s) / q(z_s | x)          (Burda et al. 2016, arXiv:1509.00519, eq. 8)
    """
    return log_weight.logsumexp(0) - math.log(log_weight.shape[0])


def streamed_bound(latent: LatentStructure, batch: Batch, num_samples: int, chunk: int) -> Float[Tensor, " B"]:
    """The bound with exactly `num_samples` samples, decoded at most `chunk` at a time."""
    return streamed_log_sums(latent, batch, num_samples, chunk)[0] - math.log(num_samples)


def streamed_log_sums(latent: LatentStructure, batch: Batch, num_samples: int, chunk: int) -> Float[Tensor, "2 B"]:
    """log sum_s w_s and log sum_s w_s^2 of importance weights; the encoder runs once, and nothing grows with S.

    Raises UserError for a posterior without a density.
    """
    inferred = latent.infer(batch.x, batch.y)
    sums = torch.full((2, len(batch.x)), -math.inf, dtype=torch.float64, device=batch.x.device)
    for size in sizes(num_samples, chunk):
        terms = latent.score(batch, inferred, size)
        if not terms.is_bound:
            raise UserError("importance weights need a posterior with a density, and this one is a point")
        log_weight = terms.log_weight.double()
        sums = torch.logaddexp(sums, torch.stack([log_weight, 2 * log_weight]).logsumexp(1))
    return sums


def objective_bound(objective: WeighsSamples, latent: LatentStructure, batch: Batch) -> Float[Tensor, " B"]:
    """What an objective that weighs samples maximises, in nats, with as many samples as in training and no control."""
    inferred = latent.infer(batch.x, batch.y)
    parts = [latent.score(batch, inferred, size) for size in sizes(objective.num_samples, CHUNK)]
    return objective.bound(torch.cat([terms.log_weight.double() for terms in parts]))


def effective_sample_size(log_sums: Float[Tensor, "2 B"]) -> Float[Tensor, " B"]:
    """(sum_s w_s)^2 / sum_s w_s^2, between 1 and S: how many samples the weights are worth.

    Kong 1992, "A note on importance sampling using standardized weights", University of Chicago.
    """
    return (2 * log_sums[0] - log_sums[1]).exp()


def sizes(num_samples: int, chunk: int) -> Iterator[int]:
    """Chunk sizes that add up to `num_samples`."""
    for start in range(0, num_samples, chunk):
        yield min(chunk, num_samples - start)


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

    def __call__(self, subject: Subject) -> list[Figure]:
        streamed_log_sums(subject.latent, subject.one_example(), 1, 1)  # what it refuses, all processes refuse
        bound = subject.metric(ImportanceWeightedBound())
        for chunk in subject.chunks(bound):
            with subject.seeded("importance", chunk.number):
                sums = streamed_log_sums(subject.latent, chunk.batch, self.num_samples, self.chunk)
            is_density = subject.latent.likelihood.is_density(chunk.batch.x)
            bound.update(sums[0] - math.log(self.num_samples), effective_sample_size(sums), is_density)
        kind, values, num = bound.compute()
        return list(self.figures(subject, kind, {name: float(value) for name, value in values.items()}, num))

    def figures(self, subject: Subject, kind: str, values: dict[str, float], num: int) -> Iterator[Figure]:
        k, effective, warning = self.num_samples, values["effective"], ""
        if k > 1 and effective < self.min_effective:
            warning = (
                f"of {k} importance weights only {effective:.1f} count, so the bound may be far from log p(x); "
                "take more samples, or measure nll/ais"
            )
        name, nll, error = f"iw{k}", values["bound"], values["error"]
        yield Figure(f"{kind}/{name}", nll, "nats per example", num, k, error=error, warning=warning)
        yield Figure(f"ess/{name}", effective, f"of {k} importance weights", num, k)
        cell = 1.0 if subject.latent.likelihood.support.is_discrete else subject.data.pixels.cell
        if kind == "nll" and cell is not None:
            bits = (nll / math.prod(subject.data.shape) - math.log(cell)) / math.log(2)
            yield Figure(f"bpd/{name}", bits, "bits per dimension", num, k, warning=warning)
