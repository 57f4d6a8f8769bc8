"""A mixture of diagonal Gaussians."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints

from vaelab.distribution.operations import with_temperature

NO_SHAPE = torch.Size()


class GaussianMixture(Distribution):
    """sum_k pi_k prod_d N(z_d; loc_kd, scale_kd^2): logits [K], loc and scale [K, D]; batch_shape []."""

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real_vector
    has_rsample = False

    def __init__(self, logits: Float[Tensor, " K"], loc: Float[Tensor, "K D"], scale: Float[Tensor, "K D"]) -> None:
        self.logits = logits
        self.loc = loc
        self.scale = scale
        super().__init__(torch.Size(), loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.logits.softmax(0) @ self.loc

    @property
    def variance(self) -> Tensor:
        return self.logits.softmax(0) @ (self.scale.square() + (self.loc - self.mean).square())

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        k = Categorical(logits=self.logits, validate_args=False).sample(torch.Size(sample_shape))
        return self.loc[k] + self.scale[k] * torch.randn_like(self.loc[k])

    def log_prob(self, value: Float[Tensor, "*B D"]) -> Float[Tensor, "*B"]:
        """By matrix products over (z - m)^2 = z^2 - 2 m z + m^2: [*B, K] is the largest tensor, not [*B, K, D].

        In float64: with narrow components the three terms cancel.
        """
        z, loc, scale = (tensor.double() for tensor in (value, self.loc, self.scale))
        precision = scale.square().reciprocal()
        constant = (loc.square() * precision / 2 + scale.log() + math.log(2 * math.pi) / 2).sum(-1)  # [K]
        log_prob = z @ (loc * precision).T - (z.square() / 2) @ precision.T - constant
        return (log_prob + self.logits.double().log_softmax(0)).logsumexp(-1).to(value.dtype)


@with_temperature.register
def _(distribution: GaussianMixture, temperature: float) -> GaussianMixture:
    """The scale of each component multiplied by temperature; means and weights unchanged."""
    return GaussianMixture(distribution.logits, distribution.loc, distribution.scale * temperature)
