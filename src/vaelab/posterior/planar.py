"""Planar flows."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Transform, constraints
from zuko.lazy import LazyComposedTransform, LazyTransform

from vaelab.nn.full_precision import full_precision
from vaelab.ranges import PositiveInt, Supplied

NUM_BISECTIONS = 30  # halves an interval as wide as a few units down to float32's resolution


class Planar(nn.Module):
    """A sequence of planar flows, each a function of the context.        Rezende & Mohamed 2015, arXiv:1505.05770

    Args:
        features: D, elements of z.
        context: C, elements of the context.
        transforms: number of flows.
    """

    def __init__(self, features: Supplied, context: Supplied, transforms: PositiveInt) -> None:
        super().__init__()
        self.transform = LazyComposedTransform(*(Plane(features, context) for _ in range(transforms)))


class Plane(LazyTransform):
    """Context [B, C] -> one planar flow."""

    def __init__(self, features: int, context: int) -> None:
        super().__init__()
        self.sizes = [features, features, 1]
        self.head = nn.Linear(context, sum(self.sizes))

    def forward(self, c: Float[Tensor, "B C"]) -> "PlanarTransform":
        u, w, b = full_precision(self.head(c)).split(self.sizes, -1)
        return PlanarTransform(u, w, b.squeeze(-1))


class PlanarTransform(Transform):
    """f(z) = z + v tanh(w z + b), log |det| = log(1 + w v (1 - tanh^2(w z + b)))        (eq. 10 to 12)

    w v > -1 makes it invertible: v = u + (m(w u) - w u) w / |w|^2 with m(a) = softplus(a + log(e - 1)) - 1
    (appendix A.1). There m lacks the constant, but unless m(0) = 0, v grows as 1 / |w| for small w.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, u: Float[Tensor, "*B D"], w: Float[Tensor, "*B D"], b: Float[Tensor, " *B"]) -> None:
        super().__init__()
        along = (w * u).sum(-1)
        self.along = F.softplus(along + math.log(math.e - 1)) - 1  # w v
        excess = (self.along - along) / w.square().sum(-1).clamp(min=1e-12)
        self.v, self.w, self.b = u + excess.unsqueeze(-1) * w, w, b

    def _call(self, x: Tensor) -> Tensor:
        return x + self.v * ((x * self.w).sum(-1) + self.b).tanh().unsqueeze(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y - self.v * (self._solve_projection((y * self.w).sum(-1)) + self.b).tanh().unsqueeze(-1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.log1p(self.along * tanh_derivative((x * self.w).sum(-1) + self.b))

    def _solve_projection(self, target: Tensor) -> Tensor:
        """Solve a + w v tanh(a + b) = w f(z) for a = w z by bisection; the left side increases in a."""
        with torch.no_grad():
            low, high = target - self.along.abs(), target + self.along.abs()
            for _ in range(NUM_BISECTIONS):
                middle = (low + high) / 2
                below = middle + self.along * (middle + self.b).tanh() < target
                low, high = torch.where(below, middle, low), torch.where(below, high, middle)
            a = (low + high) / 2
            inverse_slope = 1 / (1 + self.along * tanh_derivative(a + self.b))
        # One Newton step doubles the correct digits and has the gradient of the implicit function.
        return a - (a + self.along * (a + self.b).tanh() - target) * inverse_slope


def tanh_derivative(a: Tensor) -> Tensor:
    """The derivative of tanh."""
    return 1 - a.tanh().square()
