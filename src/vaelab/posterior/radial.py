"""Radial flows."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Transform, constraints
from zuko.lazy import LazyComposedTransform, LazyTransform

from vaelab.distribution.operations import bounded_log_scale
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import PositiveInt, Supplied


class Radial(nn.Module):
    """A sequence of radial flows, each a function of the context.        Rezende & Mohamed 2015, arXiv:1505.05770

    Args:
        features: D, elements of z.
        context: C, elements of the context.
        transforms: number of flows.
    """

    def __init__(self, features: Supplied, context: Supplied, transforms: PositiveInt) -> None:
        super().__init__()
        self.transform = LazyComposedTransform(*(Centre(features, context) for _ in range(transforms)))


class Centre(LazyTransform):
    """Context [B, C] -> one radial flow."""

    def __init__(self, features: int, context: int) -> None:
        super().__init__()
        self.sizes = [features, 1, 1]
        self.head = nn.Linear(context, sum(self.sizes))

    def forward(self, c: Float[Tensor, "B C"]) -> "RadialTransform":
        center, radius, strength = full_precision(self.head(c)).split(self.sizes, -1)
        return RadialTransform(center, bounded_log_scale(radius).exp(), strength)


class RadialTransform(Transform):
    """f(z) = z + beta (z - c) / (alpha + r), r = |z - c|        (eq. 14)

    |det| = (1 + beta / (alpha + r))^(D-1) (1 + alpha beta / (alpha + r)^2). It is invertible for
    beta > -alpha, hence beta = softplus(b + softplus^-1(alpha)) - alpha (appendix A.2), which is 0 at b = 0.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, c: Float[Tensor, "*B D"], alpha: Float[Tensor, "*B 1"], b: Float[Tensor, "*B 1"]) -> None:
        super().__init__()
        self.c, self.alpha = c, alpha
        self.beta = F.softplus(b + alpha + torch.log(-torch.expm1(-alpha))) - alpha

    def _call(self, x: Tensor) -> Tensor:
        return x + self.beta * (x - self.c) / (self.alpha + self._radius(x))

    def _inverse(self, y: Tensor) -> Tensor:
        """From |f(z) - c| = r (1 + beta / (alpha + r)), whose only positive root r is that of a quadratic."""
        reached = self._radius(y)
        half = (reached - self.alpha - self.beta) / 2
        root = (half.square() + self.alpha * reached).sqrt()
        # half + root, without its cancellation where half is below zero
        r = torch.where(half > 0, half + root, self.alpha * reached / (root - half).clamp(min=1e-30))
        return self.c + (y - self.c) / (1 + self.beta / (self.alpha + r))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        far = self.alpha + self._radius(x)
        around = torch.log1p(self.beta / far) * (x.shape[-1] - 1)
        return (around + torch.log1p(self.alpha * self.beta / far.square())).squeeze(-1)

    def _radius(self, x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(x - self.c, dim=-1, keepdim=True)
