"""The von Mises-Fisher distribution on the unit sphere."""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Beta, Distribution, constraints
from torch.distributions.kl import register_kl

from vaelab.distribution.operations import center
from vaelab.distribution.uniform_sphere import UniformSphere, UnitVector, log_area

NO_SHAPE = torch.Size()
NUM_NODES = 128
NUM_WIDTHS = 12  # half the integration range around the mode, in widths; the mass beyond is below e^-25
NUM_PROPOSALS = 16  # all are rejected less than once in 10^7 samples; then the first is used


class VonMisesFisher(Distribution):
    """p(z) = C_D(kappa) exp(kappa loc z) over vectors z [*B, D] of length one, as is loc [*B, D]; kappa [*B] > 0.

    Davidson et al. 2018, arXiv:1804.00891. Computed from the angle to loc: log p(z) = -kappa |z - loc|^2 / 2 minus
    the log of its integral, which is accurate for large kappa.

    Args:
        loc: mean direction, of length one.
        kappa: concentration.
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "kappa": constraints.positive}
    support = UnitVector()
    has_rsample = True

    def __init__(self, loc: Float[Tensor, "*B D"], kappa: Float[Tensor, "*B"]) -> None:
        self.loc = loc
        self.kappa = kappa
        self.angle = PolarAngle(kappa, loc.shape[-1])
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """(1 - E[v]) loc, inside the sphere."""
        return (1 - self.angle.mean).unsqueeze(-1) * self.loc

    @property
    def log_normalizer(self) -> Float[Tensor, "*B"]:
        """log of the integral of exp(kappa (loc z - 1)) over the sphere."""
        return self.angle.log_integral + log_area(self.loc.shape[-1] - 1)

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        """Sample around the first axis, then reflect that axis to loc."""
        v = self.angle.rsample(torch.Size(sample_shape)).unsqueeze(-1)
        around = F.normalize(torch.randn_like(v.expand(*v.shape[:-1], self.loc.shape[-1] - 1)), dim=-1)
        z = torch.cat([1 - v, (v * (2 - v)).clamp(min=1e-12).sqrt() * around], -1)
        normal = F.normalize(F.one_hot(torch.zeros_like(v[..., 0], dtype=torch.long), z.shape[-1]) - self.loc, dim=-1)
        return z - 2 * (normal * z).sum(-1, keepdim=True) * normal

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * self.kappa * (value - self.loc).square().sum(-1) - self.log_normalizer


class PolarAngle:
    """p(t) ~ exp(-kappa (1 - cos t)) sin^(D-2) t over [0, pi], for concentrations kappa [*B].

    Its integrals are sums over nodes around its mode, exact to float32 and with a gradient for every D >= 2 and
    kappa, unlike Bessel functions of high order, which overflow and are missing in torch. Samples are v = 1 - cos t,
    which is accurate for small t.
    """

    def __init__(self, kappa: Float[Tensor, "*B"], num_dimensions: int) -> None:
        self.kappa = kappa
        self.power = num_dimensions - 2
        self.nodes, self.weight = nodes_and_weights(kappa)
        self.low, self.high = self._range()
        t = self.low.unsqueeze(-1) + (self.high - self.low).unsqueeze(-1) * self.nodes  # [*B, N]
        exponent = self.unnormalized(t, kappa.unsqueeze(-1)) + self.weight.log()
        self.log_integral = exponent.logsumexp(-1) + (self.high - self.low).log()  # of the unnormalized density
        self.mean = (exponent.softmax(-1) * versine(t)).sum(-1)  # of v

    def unnormalized(self, t: Tensor, kappa: Tensor) -> Tensor:
        """log p(t) up to its normalizer."""
        return self.power * t.sin().clamp(min=1e-30).log() - kappa * versine(t)

    def rsample(self, shape: torch.Size) -> Float[Tensor, "S *B"]:
        """v, with the implicit gradient for kappa (Figurnov et al. 2018, arXiv:1805.08498)."""
        v = self.sample(shape)
        if not (self.kappa.requires_grad and torch.is_grad_enabled()):
            return v
        return v + self._slope(v) * (self.kappa - self.kappa.detach())

    @torch.no_grad()
    def sample(self, shape: torch.Size) -> Float[Tensor, "S *B"]:
        """v, by rejection from a transformed beta (Wood 1994, Communications in Statistics 23:1)."""
        m = self.power + 1
        b = m / (2 * self.kappa + (4 * self.kappa.square() + m**2).sqrt())
        x = (1 - b) / (1 + b)
        half = torch.full((NUM_PROPOSALS, *shape, *self.kappa.shape), m / 2, dtype=b.dtype, device=b.device)
        e = Beta(half, half, validate_args=False).sample()
        v = 2 * b * e / (1 - (1 - b) * e)
        log_ratio = self.kappa * (1 - x - v) + m * ((1 - x + x * v).log() - (1 - x**2).log())
        accepted = torch.rand_like(v).log() <= log_ratio
        # The first accepted of a fixed number of proposals: a loop would synchronise a GPU.
        return v.gather(0, accepted.to(torch.uint8).argmax(0, keepdim=True)).squeeze(0)

    @torch.no_grad()
    def _slope(self, v: Tensor) -> Tensor:
        """dv / dkappa = -(dF / dkappa) / p(v), F the distribution function, integrated from the nearer end."""
        t = 2 * (v / 2).clamp(0, 1).sqrt().asin()
        end = torch.where(v < self.mean, torch.minimum(self.low, t), torch.maximum(self.high, t))
        inner = end.unsqueeze(-1) + (t - end).unsqueeze(-1) * self.nodes
        kappa = self.kappa.unsqueeze(-1)
        ratio = (self.unnormalized(inner, kappa) - self.unnormalized(t.unsqueeze(-1), kappa)).exp()
        integral = (ratio * (versine(inner) - self.mean.unsqueeze(-1)) * self.weight).sum(-1)
        return integral * (t - end) * t.sin()

    @torch.no_grad()
    def _range(self) -> tuple[Tensor, Tensor]:
        """Where p(t) is not negligible, from its mode and its curvature there."""
        cosine = 2 * self.kappa / (self.power + (self.power**2 + 4 * self.kappa.square()).sqrt())
        mode = torch.atan2((self.power * cosine / self.kappa).sqrt(), cosine)
        reach = NUM_WIDTHS * (self.kappa * (cosine + 1 / cosine)).rsqrt()
        return (mode - reach).clamp(min=0), (mode + reach).clamp(max=math.pi)


def versine(t: Tensor) -> Tensor:
    """1 - cos t, without cancellation."""
    return 2 * (t / 2).sin().square()


@torch.no_grad()
def nodes_and_weights(like: Tensor) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Tanh-sinh quadrature over [0, 1]        (Takahasi & Mori 1974, Publ. RIMS 9:3)"""
    u = torch.linspace(-3, 3, NUM_NODES, dtype=like.dtype, device=like.device)
    nodes = (math.pi * u.sinh()).sigmoid()
    return nodes, 6 / (NUM_NODES - 1) * math.pi * u.cosh() * nodes * (-math.pi * u.sinh()).sigmoid()


@center.register
def _(distribution: VonMisesFisher) -> Tensor:
    """The direction; the mean lies inside the sphere, outside the support."""
    return distribution.loc


@register_kl(VonMisesFisher, UniformSphere)
def _(q: VonMisesFisher, p: UniformSphere) -> Tensor:
    """-kappa E[v] - log normalizer + log |S^(D-1)|        (eq. 7)"""
    return log_area(q.loc.shape[-1]) - q.kappa * q.angle.mean - q.log_normalizer
