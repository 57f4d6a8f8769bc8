"""A Gaussian whose scale is fitted to the values in log_prob."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Normal, constraints


class OptimalNormal(Distribution):
    """N(x; loc, s^2 I) over the last `event_dim` dimensions, where log_prob computes s from x.

    `scale_for` maps the squared errors [*batch, *event] to that s; `scale` is what sample() uses.
    (Rybkin et al. 2021, arXiv:2006.13202)
    """

    arg_constraints = {}  # noqa: RUF012
    has_rsample = True

    def __init__(
        self,
        loc: Float[Tensor, "..."],
        event_dim: int,
        scale: Float[Tensor, ""],
        scale_for: Callable[[Tensor], Tensor],
    ) -> None:
        self.loc = loc
        self.scale = scale
        self.scale_for = scale_for
        split = loc.dim() - event_dim
        super().__init__(loc.shape[:split], loc.shape[split:], validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale.square().expand_as(self.loc)

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        return Normal(self.loc, self.scale, validate_args=False).rsample(torch.Size(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        squared_error = (value - self.loc).square()
        scale = self.scale_for(squared_error)
        pixels = tuple(range(-len(self.event_shape), 0))
        normalizer = self.event_shape.numel() * (scale.log() + 0.5 * math.log(2 * math.pi))
        return -0.5 * squared_error.sum(pixels) / scale.square() - normalizer
