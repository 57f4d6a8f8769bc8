"""Importance-weighted bounds on log p(x)."""

import math
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.errors import UserError
from vaelab.protocol import ImportanceWeightedObjective
from vaelab.terms import Batch, Terms

CHUNK = 10  # default number of samples decoded at a time; bounds the memory


class LatentModel(Protocol):
    """What a bound needs of a latent structure: `infer` runs the encoder once, `score` draws and scores S samples."""

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Any: ...

    def score(self, batch: Batch, inferred: Any, num_samples: int) -> Terms: ...


def importance_weighted_bound(log_weight: Float[Tensor, "S *B"]) -> Float[Tensor, "*B"]:
    """Lower bound on log p(x) in nats, one per example, tighter as S grows.

    log 1/S sum_s p(x, z_s) / q(z_s | x)          (Burda et al. 2016, arXiv:1509.00519, eq. 8)
    """
    return log_weight.logsumexp(0) - math.log(log_weight.shape[0])


def streamed_bound(latent: LatentModel, batch: Batch, num_samples: int, chunk: int) -> Float[Tensor, " B"]:
    """The bound with exactly `num_samples` samples, decoded at most `chunk` at a time."""
    return streamed_log_sums(latent, batch, num_samples, chunk)[0] - math.log(num_samples)


def streamed_log_sums(latent: LatentModel, batch: Batch, num_samples: int, chunk: int) -> Float[Tensor, "2 B"]:
    """log sum_s w_s and log sum_s w_s^2 of importance weights, [B] each; memory does not grow with S.

    Raises UserError for a posterior without a density.
    """
    inferred = latent.infer(batch.x, batch.y)
    sums = torch.full((2, len(batch.x)), -math.inf, dtype=torch.float64, device=batch.x.device)
    for size in sizes(num_samples, chunk):
        terms = latent.score(batch, inferred, size)
        if not terms.is_bound:
            raise UserError("importance weights need a posterior with a density, but this one is a point")
        log_weight = terms.log_weight.double()
        sums = torch.logaddexp(sums, torch.stack([log_weight, 2 * log_weight]).logsumexp(1))
    return sums


def objective_bound(objective: ImportanceWeightedObjective, latent: LatentModel, batch: Batch) -> Float[Tensor, " B"]:
    """The bound that an importance-weighted objective maximises, in nats, without any KL control."""
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
