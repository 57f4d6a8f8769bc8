"""A Gaussian with full covariance."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints
from torch.distributions.kl import register_kl

from vaelab.distribution.operations import with_temperature

NO_SHAPE = torch.Size()


class FullNormal(Distribution):
    """N(loc, L L^T), with L [*B, D, D] lower triangular; torch's class fails on an empty batch."""

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Float[Tensor, "*B D"], scale_tril: Float[Tensor, "*B D D"]) -> None:
        self.loc = loc
        self.scale_tril = scale_tril
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale_tril.square().sum(-1)

    @property
    def log_det(self) -> Tensor:
        """log |L|, [*B]."""
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        noise = torch.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        # Mixed precision would compute @ in bfloat16.
        return self.loc + (self.scale_tril * noise.unsqueeze(-2)).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        difference = (value - self.loc).unsqueeze(-1)
        noise = torch.linalg.solve_triangular(self.scale_tril, difference, upper=False).squeeze(-1)
        return -0.5 * noise.square().sum(-1) - self.log_det - value.shape[-1] / 2 * math.log(2 * math.pi)


@register_kl(FullNormal, Independent)
def _(q: FullNormal, p: Independent) -> Tensor:
    """sum_d [(|L_d|^2 + (loc_d - m_d)^2) / s_d^2 - 1] / 2 + log s_d, less log |L|, against prod_d N(m_d, s_d^2)."""
    if not isinstance(p.base_dist, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    m, s = p.base_dist.loc, p.base_dist.scale
    squares = (q.variance + (q.loc - m).square()) / s.square()
    return (0.5 * (squares - 1) + s.log()).sum(-1) - q.log_det


@with_temperature.register
def _(distribution: FullNormal, temperature: float) -> FullNormal:
    return FullNormal(distribution.loc, distribution.scale_tril * temperature)
