"""The Gaussian of the unit sphere."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.kl import register_kl

from vaelab.distribution.center import center
from vaelab.distribution.polar import PolarAngle
from vaelab.distribution.uniform_sphere import OnSphere, UniformSphere, log_area

NO_SHAPE = torch.Size()


class VonMisesFisher(Distribution):
    """p(z) = C_D(kappa) exp(kappa loc z) over vectors z [*B, D] of length one, as is loc [*B, D]; kappa [*B] > 0.

    Davidson et al. 2018, arXiv:1804.00891. By the angle to loc: log p(z) = -kappa |z - loc|^2 / 2 less the log
    of its integral, which loses no digits where kappa is large.
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "kappa": constraints.positive}
    support = OnSphere()
    has_rsample = True

    def __init__(self, loc: Float[Tensor, "*B D"], kappa: Float[Tensor, "*B"]) -> None:
        self.loc = loc
        self.kappa = kappa
        self.angle = PolarAngle(kappa, loc.shape[-1])
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Inside the sphere: (1 - E[v]) loc."""
        return (1 - self.angle.mean).unsqueeze(-1) * self.loc

    @property
    def log_normalizer(self) -> Float[Tensor, "*B"]:
        """log of the integral of exp(kappa (loc z - 1)) over the sphere."""
        return self.angle.log_integral + log_area(self.loc.shape[-1] - 1)

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        """A draw around the first axis, mirrored so that the axis comes to lie on loc."""
        v = self.angle.rsample(torch.Size(sample_shape)).unsqueeze(-1)
        around = F.normalize(torch.randn_like(v.expand(*v.shape[:-1], self.loc.shape[-1] - 1)), dim=-1)
        z = torch.cat([1 - v, (v * (2 - v)).clamp(min=1e-12).sqrt() * around], -1)
        normal = F.normalize(F.one_hot(torch.zeros_like(v[..., 0], dtype=torch.long), z.shape[-1]) - self.loc, dim=-1)
        return z - 2 * (normal * z).sum(-1, keepdim=True) * normal

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * self.kappa * (value - self.loc).square().sum(-1) - self.log_normalizer


@center.register
def _(distribution: VonMisesFisher) -> Tensor:
    """The direction: the mean lies inside the sphere, where no latent is."""
    return distribution.loc


@register_kl(VonMisesFisher, UniformSphere)
def _(q: VonMisesFisher, p: UniformSphere) -> Tensor:
    """-kappa E[v] - log normalizer + log |S^(D-1)|        (eq. 7)"""
    return log_area(q.loc.shape[-1]) - q.kappa * q.angle.mean - q.log_normalizer
