"""Independent latents of several kinds, concatenated."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelab.distribution.operations import (
    center,
    has_importance_weights,
    kl_per_dimension,
    rsample_and_log_prob,
    with_temperature,
)

NO_SHAPE = torch.Size()


class Product(Distribution):
    """p(z) = prod_i p_i(z_i), z the concatenation of the z_i [*B, D_i]."""

    arg_constraints: ClassVar = {}
    has_rsample = True

    def __init__(self, parts: Sequence[Distribution]) -> None:
        self.parts = tuple(parts)
        batch_shape = torch.broadcast_shapes(*(part.batch_shape for part in parts))
        size = sum(part.event_shape.numel() for part in parts)
        super().__init__(batch_shape, torch.Size([size]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self._concatenate([part.mean for part in self.parts], NO_SHAPE)

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        drawn = [part.rsample(self._sample_shape(part, sample_shape)) for part in self.parts]
        return self._concatenate(drawn, sample_shape)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        drawn = [part.sample(self._sample_shape(part, sample_shape)) for part in self.parts]
        return self._concatenate(drawn, sample_shape)

    def rsample_and_log_prob(self, sample_shape: torch.Size = NO_SHAPE) -> tuple[Tensor, Tensor]:
        scored = [rsample_and_log_prob(part, self._sample_shape(part, sample_shape)) for part in self.parts]
        z, log_prob = zip(*scored, strict=True)
        return self._concatenate(z, sample_shape), broadcast_sum(log_prob)

    def log_prob(self, value: Tensor) -> Tensor:
        ends = accumulate((part.event_shape.numel() for part in self.parts), initial=0)
        pieces = zip(self.parts, pairwise(ends), strict=True)
        return broadcast_sum([part.log_prob(value[..., a:b]) for part, (a, b) in pieces])

    def _sample_shape(self, part: Distribution, sample_shape: torch.Size) -> torch.Size:
        """The sample shape of a part, which may be one distribution for the whole batch."""
        batch = self.batch_shape[: len(self.batch_shape) - len(part.batch_shape)]
        return torch.Size([*sample_shape, *batch])

    def _concatenate(self, values: Sequence[Tensor], sample_shape: torch.Size) -> Tensor:
        batch = [*sample_shape, *self.batch_shape]
        return torch.cat([value.expand(*batch, -1) for value in values], -1)


def broadcast_sum(log_probs: Sequence[Tensor]) -> Tensor:
    """The sum of log-densities whose batch shapes broadcast."""
    return torch.stack(torch.broadcast_tensors(*log_probs)).sum(0)


@center.register
def _(distribution: Product) -> Tensor:
    return distribution._concatenate([center(part) for part in distribution.parts], NO_SHAPE)


@with_temperature.register
def _(distribution: Product, temperature: float) -> Product:
    return Product([with_temperature(part, temperature) for part in distribution.parts])


@has_importance_weights.register
def _(distribution: Product) -> bool:
    return all(has_importance_weights(part) for part in distribution.parts)


@kl_per_dimension.register
def _(q: Product, p: Distribution) -> Tensor | None:
    if not isinstance(p, Product):
        return None
    parts = [kl_per_dimension(*pair) for pair in zip(q.parts, p.parts, strict=True)]
    known = [part.expand(*q.batch_shape, -1) for part in parts if part is not None]
    return torch.cat(known, -1) if len(known) == len(parts) else None
