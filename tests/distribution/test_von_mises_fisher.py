"""The von Mises-Fisher distribution against Bessel functions, quadrature and its own samples."""

import math

import pytest
import torch
import torch.nn.functional as F
from quadrature import integral
from scipy.special import ive
from torch import Tensor

from vaelab.distribution.operations import kl_per_dimension
from vaelab.distribution.uniform_sphere import UniformSphere, log_area
from vaelab.distribution.von_mises_fisher import VonMisesFisher

KAPPAS = torch.tensor([1e-3, 0.1, 1.0, 10.0, 100.0, 1000.0])
every_dimension = pytest.mark.parametrize("num_dimensions", [2, 3, 8, 40])


def some(num_dimensions: int, kappa: Tensor = KAPPAS) -> VonMisesFisher:
    return VonMisesFisher(F.normalize(torch.randn(len(kappa), num_dimensions), dim=-1), kappa)


@every_dimension
def test_normalizer_and_mean_are_those_of_bessel_functions(num_dimensions: int) -> None:
    kappa, order = KAPPAS.clone().requires_grad_(), num_dimensions / 2 - 1
    q = some(num_dimensions, kappa)
    low, high = (torch.from_numpy(ive(o, KAPPAS.double().numpy())) for o in (order, order + 1))
    # ive is I(kappa) exp(-kappa), and the integrand is exp(kappa (cos - 1))
    expected = num_dimensions / 2 * math.log(2 * math.pi) + low.log() - order * KAPPAS.double().log()
    torch.testing.assert_close(q.log_normalizer.double(), expected, atol=1e-5, rtol=1e-6)
    torch.testing.assert_close(1 - q.angle.mean.double(), high / low, atol=1e-6, rtol=1e-5)
    (slope,) = torch.autograd.grad(q.log_normalizer.sum(), kappa)
    torch.testing.assert_close(1 + slope.double(), high / low, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("num_dimensions", [2, 3])
def test_integrates_to_one_over_circle_and_sphere(num_dimensions: int) -> None:
    total = integral(some(num_dimensions, KAPPAS[:-1]))
    torch.testing.assert_close(total, torch.ones_like(total), atol=1e-3, rtol=0)
    assert math.exp(log_area(num_dimensions)) == pytest.approx({2: 2, 3: 4}[num_dimensions] * math.pi)


@every_dimension
def test_samples_have_length_one_and_the_mean_and_spread_of_the_density(num_dimensions: int) -> None:
    q = some(num_dimensions)
    z = q.sample(torch.Size([5000]))
    assert q.support.check(z).all()
    along = (z * q.loc).sum(-1)
    assert ((along.mean(0) - (1 - q.angle.mean)).abs() <= 5 * along.std(0) / 5000**0.5 + 1e-6).all()
    across = z.mean(0) - along.mean(0).unsqueeze(-1) * q.loc
    assert (across.abs() <= 5 * z.std(0) / 5000**0.5 + 1e-6).all()


def below(v: Tensor, kappa: Tensor, num_dimensions: int) -> tuple[Tensor, Tensor]:
    """F(v) and p(v) for v [S, B] by brute force: the trapezoidal rule over the angle, in float64."""
    ends = torch.stack([2 * (v.double() / 2).sqrt().asin(), torch.full_like(v, math.pi).double()], -1).unsqueeze(-1)
    t = ends * torch.linspace(0, 1, 4001, dtype=torch.float64)  # [S, B, 2, N]
    p = t.sin().clamp(min=0) ** (num_dimensions - 2) * (-kappa.double().view(-1, 1, 1) * (1 - t.cos())).exp()
    part, whole = torch.trapezoid(p, t).unbind(-1)
    return part / whole, p[..., 0, -1] / t[..., 0, -1].sin() / whole


@every_dimension
def test_a_sample_moves_with_kappa_as_its_quantile_does(num_dimensions: int) -> None:
    kappa = KAPPAS[1:].clone().requires_grad_()
    v = some(num_dimensions, kappa).angle.rsample(torch.Size([8]))
    found = torch.stack([torch.autograd.grad(each.sum(), kappa, retain_graph=True)[0] for each in v])
    v, h = v.detach(), 1e-3 * KAPPAS[1:].double()
    lower, upper = (below(v, KAPPAS[1:] + sign * h, num_dimensions)[0] for sign in (-1, 1))
    expected = -(upper - lower) / (2 * h) / below(v, KAPPAS[1:], num_dimensions)[1]
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=5e-3)


def test_a_sample_moves_with_its_direction() -> None:
    loc = torch.randn(10, 4, requires_grad=True)
    z = VonMisesFisher(F.normalize(loc, dim=-1), torch.full((10,), 20.0)).rsample(torch.Size([2000]))
    target = torch.tensor([1.0, 0.0, 0.0, 0.0])
    (found,) = torch.autograd.grad((z @ target).mean(0).sum(), loc)
    (expected,) = torch.autograd.grad(
        (VonMisesFisher(F.normalize(loc, dim=-1), torch.full((10,), 20.0)).mean @ target).sum(), loc
    )
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.05)


@every_dimension
def test_its_kl_to_the_uniform_grows_from_zero(num_dimensions: int) -> None:
    kl = kl_per_dimension(some(num_dimensions), UniformSphere(torch.zeros(num_dimensions)))
    assert kl is not None
    assert kl.shape == (len(KAPPAS), 1)
    assert kl[0].item() == pytest.approx(0, abs=1e-5)
    assert (kl.diff(dim=0) > 0).all()
