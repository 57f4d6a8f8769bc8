"""The uniform distribution on the unit hypersphere."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

NO_SHAPE = torch.Size()


class UnitVector(constraints.Constraint):
    """Vectors [D] of length one."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (torch.linalg.vector_norm(value, dim=-1) - 1).abs() < 1e-4


class UniformSphere(Distribution):
    """The uniform density 1 / |S^(D-1)| on the unit sphere in D dimensions: batch_shape [], event_shape [D].

    Davidson et al. 2018, arXiv:1804.00891. `like` [D] sets D, device and dtype.
    """

    arg_constraints: ClassVar = {}
    support = UnitVector()
    has_rsample = True

    def __init__(self, like: Float[Tensor, " D"]) -> None:
        self.like = like
        super().__init__(torch.Size(), like.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.zeros_like(self.like)

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = torch.randn(shape, dtype=self.like.dtype, device=self.like.device)
        return torch.nn.functional.normalize(noise, dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        return value.new_full(value.shape[:-1], -log_area(value.shape[-1]))


def log_area(num_dimensions: int) -> float:
    """log |S^(D-1)| = log 2 + D/2 log pi - log Gamma(D/2)"""
    half = num_dimensions / 2
    return math.log(2) + half * math.log(math.pi) - math.lgamma(half)
