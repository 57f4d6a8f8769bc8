"""Finite scalar quantization: a grid of codes that numbers and vectors agree on."""

import pytest
import torch

from vaelab.codebook.finite_scalar import FiniteScalar


@pytest.mark.parametrize("levels", [[3, 3], [8, 6, 5], [8, 5, 5, 5]])
def test_every_code_is_a_point_of_its_own_and_can_be_reached(levels: list[int]) -> None:
    grid = FiniteScalar(levels)
    every = torch.arange(grid.num_codes).view(1, -1, 1)
    points = grid.lookup(every)
    assert len(points[0].unique(dim=0)) == grid.num_codes
    assert points.abs().max() <= 1
    wide = torch.randn(1, 200 * grid.num_codes, grid.dim) * 3
    assert len(grid(wide).codes.unique()) == grid.num_codes


def test_vectors_are_the_points_that_their_codes_stand_for() -> None:
    grid = FiniteScalar([8, 6, 5])
    vectors, codes, penalties = grid(torch.randn(4, 5, 3))
    torch.testing.assert_close(vectors, grid.lookup(codes))
    assert penalties == {}


def test_the_gradient_passes_the_rounding_and_is_that_of_the_bound() -> None:
    z = torch.randn(4, 5, 2).requires_grad_()
    FiniteScalar([5, 5])(z).vectors.sum().backward()
    # Odd levels: tanh(z) (L - 1) / 2 is rounded, then divided by the half width.
    torch.testing.assert_close(z.grad, 1.001 * (1 - z.detach().tanh().square()))


def test_takes_no_examples() -> None:
    vectors, codes, _ = FiniteScalar([8, 6, 5])(torch.zeros(0, 5, 3))
    assert (vectors.shape, codes.shape) == ((0, 5, 3), (0, 5, 1))
