"""Finite scalar quantization: codes and vectors of the grid."""

import pytest
import torch

from vaelab.codebook.finite_scalar import FiniteScalar


@pytest.mark.parametrize("levels", [[3, 3], [8, 6, 5], [8, 5, 5, 5]])
def test_codes_are_distinct_and_reachable(levels: list[int]) -> None:
    grid = FiniteScalar(levels)
    every = torch.arange(grid.num_codes).view(1, -1, 1)
    points = grid.lookup(every)
    assert len(points[0].unique(dim=0)) == grid.num_codes
    assert points.abs().max() <= 1
    wide = torch.randn(1, 200 * grid.num_codes, grid.dim) * 3
    assert len(grid(wide).codes.unique()) == grid.num_codes


def test_vectors_equal_the_lookup_of_their_codes() -> None:
    grid = FiniteScalar([8, 6, 5])
    vectors, codes, penalties = grid(torch.randn(4, 5, 3))
    torch.testing.assert_close(vectors, grid.lookup(codes))
    assert penalties == {}


def test_the_gradient_skips_the_rounding() -> None:
    z = torch.randn(4, 5, 2).requires_grad_()
    FiniteScalar([5, 5])(z).vectors.sum().backward()
    # Odd levels: tanh(z) (L - 1) / 2 is rounded, then divided by the half width.
    torch.testing.assert_close(z.grad, 1.001 * (1 - z.detach().tanh().square()))


def test_accepts_an_empty_batch() -> None:
    vectors, codes, _ = FiniteScalar([8, 6, 5])(torch.zeros(0, 5, 3))
    assert (vectors.shape, codes.shape) == ((0, 5, 3), (0, 5, 1))
