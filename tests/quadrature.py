"""Points and weights over the whole support of a density of few dimensions."""

import math
from collections.abc import Callable
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelab.distribution.one_hots import OneHots
from vaelab.distribution.product import Product
from vaelab.distribution.uniform_sphere import UniformSphere
from vaelab.distribution.von_mises_fisher import VonMisesFisher

REACH, NUM = 9.0, 121


def integral(distribution: Distribution, of: Callable[[Tensor], Tensor] = torch.ones_like) -> Tensor:
    """E[of(z)] over the support, [*batch, *event]; of ones, it is how much the density integrates to."""
    points, weights = lattice(distribution)
    points = points.view(len(points), *[1] * len(distribution.batch_shape), -1)
    points = points.expand(-1, *distribution.batch_shape, -1)
    with torch.no_grad():
        density = distribution.log_prob(points).double().exp().unsqueeze(-1)  # [N, *batch, 1]
    return torch.tensordot(weights.double(), density * of(points).double(), 1)


@singledispatch
def lattice(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """Points [N, D] and their weights [N]: a grid, where the support is R^D."""
    axis = torch.linspace(-REACH, REACH, NUM if distribution.event_shape[0] > 1 else 2001)
    grid = torch.cartesian_prod(*[axis] * distribution.event_shape[0]).view(-1, distribution.event_shape[0])
    return grid, torch.full((len(grid),), (axis[1] - axis[0]).item() ** grid.shape[1])


@lattice.register(UniformSphere)
@lattice.register(VonMisesFisher)
def _(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """A circle, or a sphere by its angles."""
    around = torch.arange(400) * (2 * math.pi / 400)
    if distribution.event_shape[0] == 2:
        return torch.stack([around.cos(), around.sin()], -1), torch.full((400,), 2 * math.pi / 400)
    assert distribution.event_shape[0] == 3, "no points for spheres of more dimensions"
    up = (torch.arange(200) + 0.5) * (math.pi / 200)
    a, b = torch.cartesian_prod(around, up).unbind(-1)
    weights = b.sin() * (2 * math.pi / 400) * (math.pi / 200)
    return torch.stack([a.cos() * b.sin(), a.sin() * b.sin(), b.cos()], -1), weights


@lattice.register
def _(distribution: OneHots) -> tuple[Tensor, Tensor]:
    """Every choice of categories."""
    num_variables, num_categories = distribution.logits.shape[-2:]
    choices = torch.cartesian_prod(*[torch.arange(num_categories)] * num_variables).view(-1, num_variables)
    z = torch.nn.functional.one_hot(choices, num_categories).flatten(1).float()
    return z, torch.ones(len(z))


@lattice.register
def _(distribution: Product) -> tuple[Tensor, Tensor]:
    """Every pair of points of two parts."""
    (z0, w0), (z1, w1) = (lattice(part) for part in distribution.parts)
    z = torch.cat([z0.repeat_interleave(len(z1), 0), z1.repeat(len(z0), 1)], -1)
    return z, w0.repeat_interleave(len(z1)) * w1.repeat(len(z0))
