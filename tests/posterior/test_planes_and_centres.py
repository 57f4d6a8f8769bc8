"""Planar and radial flows: invertible, with the right determinant, for any parameters."""

from collections.abc import Callable

import pytest
import torch
from torch.autograd.functional import jacobian
from torch.distributions import Transform

from vaelab.posterior.planar import PlanarTransform
from vaelab.posterior.radial import RadialTransform


def planar() -> PlanarTransform:
    return PlanarTransform(3 * torch.randn(200, 4), torch.randn(200, 4), torch.randn(200))


def radial() -> RadialTransform:
    return RadialTransform(torch.randn(200, 4), torch.rand(200, 1) + 0.1, 4 * torch.randn(200, 1))


every_map = pytest.mark.parametrize("make", [planar, radial])


@every_map
def test_the_inverse_undoes_the_map(make: Callable[[], Transform]) -> None:
    with torch.no_grad():
        torch.set_default_dtype(torch.float64)
        try:
            f, z = make(), 3 * torch.randn(50, 200, 4)
            y = f(z)
            torch.testing.assert_close(f.inv(y.clone()), z, atol=1e-6, rtol=1e-6)
        finally:
            torch.set_default_dtype(torch.float32)


@every_map
def test_the_determinant_is_that_of_the_jacobian(make: Callable[[], Transform]) -> None:
    f, z = make(), 2 * torch.randn(200, 4)
    whole = jacobian(lambda z: f._call(z).sum(0), z)  # [4, 200, 4]: examples do not touch each other
    expected = torch.linalg.slogdet(whole.transpose(0, 1))
    assert (expected.sign > 0).all()
    torch.testing.assert_close(f.log_abs_det_jacobian(z, f(z)), expected.logabsdet, atol=1e-3, rtol=1e-3)


@every_map
def test_the_inverse_carries_the_gradient_of_an_implicit_function(make: Callable[[], Transform]) -> None:
    f, y = make(), torch.randn(200, 4)
    z = f._inverse(y).detach()
    found = jacobian(lambda y: f._inverse(y).sum(0), y).transpose(0, 1)
    expected = jacobian(lambda z: f._call(z).sum(0), z).transpose(0, 1)
    product = found @ expected
    torch.testing.assert_close(product, torch.eye(4).expand(200, -1, -1), atol=2e-2, rtol=0)


def test_zero_parameters_give_the_identity() -> None:
    z = torch.randn(5, 4)
    nothing, one = torch.zeros(5, 4), torch.ones(5, 1)
    torch.testing.assert_close(PlanarTransform(nothing, nothing, torch.zeros(5))(z), z)
    torch.testing.assert_close(RadialTransform(nothing, one, 0 * one)(z), z)
