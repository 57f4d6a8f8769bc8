"""Importance-weighted bounds on log p(x)."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.protocol import LatentStructure
from vaelab.terms import Batch


def importance_weighted_bound(log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
    """Lower bound on log p(x) in nats, one per example, tighter as S grows.

    log 1/S sum_s p(x, z_s) / q(z_s | x)          (Burda et al. 2016, arXiv:1509.00519, eq. 8)
    """
    return log_weight.logsumexp(0) - math.log(log_weight.shape[0])


def streamed_bound(latent: LatentStructure, batch: Batch, num_samples: int, chunk: int) -> Float[Tensor, " B"]:
    """The bound with exactly `num_samples` samples, decoded at most `chunk` at a time; the encoder runs once."""
    inferred = latent.infer(batch.x, batch.y)
    total = torch.full((len(batch.x),), -math.inf, dtype=torch.float64, device=batch.x.device)
    for size in sizes(num_samples, chunk):
        log_weight = latent.score(batch, inferred, size).log_weight.double()
        total = torch.logaddexp(total, log_weight.logsumexp(0))
    return total - math.log(num_samples)


def sizes(num_samples: int, chunk: int) -> Iterator[int]:
    """Chunk sizes that add up to `num_samples`."""
    for start in range(0, num_samples, chunk):
        yield min(chunk, num_samples - start)


class ImportanceWeightedBound(Metric):
    """Mean negative bound in nats per example, from sums in float64; and whether every x had a density."""

    full_state_update = False
    num: Tensor
    total: Tensor
    pseudo: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "total", "pseudo"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, bound: Float[Tensor, " B"], is_density: bool) -> None:
        self.num += bound.shape[0]
        self.total -= bound.double().sum()
        self.pseudo += not is_density

    def compute(self) -> tuple[str, Tensor, int]:
        """`nll`, or `bce` where the likelihood was no density of some x; the number; the examples behind it."""
        return ("bce" if self.pseudo else "nll"), self.total / self.num, int(self.num)
