"""The covariances that DIP-VAE pulls to the identity."""

from dataclasses import replace

import pytest
import torch
from scored import gaussian_terms
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from vaelab.distribution.point import Point
from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.dip import DIP


def covariance(choice: str, posterior: Distribution) -> torch.Tensor:
    return DIP(choice, 1.0, 1.0).penalized_covariance(posterior)


def test_the_covariances_are_those_of_means_and_of_samples() -> None:
    loc, scale = torch.randn(50, 3) @ torch.randn(3, 3), torch.rand(50, 3) + 0.5
    posterior = Independent(Normal(loc, scale), 1)
    torch.testing.assert_close(covariance("means", posterior), torch.cov(loc.T, correction=0))
    samples = posterior.sample((20_000,)).flatten(0, 1)
    torch.testing.assert_close(covariance("aggregate", posterior), torch.cov(samples.T), rtol=0.03, atol=0.03)


def test_a_full_covariance_counts_in_full() -> None:
    full = torch.tensor([[1.0, 0.6], [0.6, 2.0]])
    posterior = MultivariateNormal(torch.zeros(4, 2), full)
    torch.testing.assert_close(covariance("aggregate", posterior), full)


@pytest.mark.parametrize("choice", ["means", "aggregate"])
@pytest.mark.parametrize(("size", "dimensions"), [(1, 3), (5, 1)])
def test_one_example_or_one_dimension_has_a_covariance_too(size: int, dimensions: int, choice: str) -> None:
    posterior = Independent(Normal(torch.randn(size, dimensions), torch.ones(size, dimensions)), 1)
    found = covariance(choice, posterior)
    assert found.shape == (dimensions, dimensions)
    assert found.isfinite().all()


def test_weighs_both_kinds_of_entries() -> None:
    terms, control = gaussian_terms(torch.randn(9, 3), torch.rand(9, 3)), KLControl()
    control.write("weight", 0.3)
    loss = DIP("aggregate", off_diagonal=2.0, diagonal=7.0)(terms, control)
    c = covariance("aggregate", terms.posterior)
    off = sum(c[i, j] ** 2 for i in range(3) for j in range(3) if i != j)
    on = sum((c[i, i] - 1) ** 2 for i in range(3))
    torch.testing.assert_close(loss.parts["off_diagonal"], off)
    torch.testing.assert_close(loss.parts["diagonal"], on)
    torch.testing.assert_close(loss.total, 0.3 * terms.kl.sum(1).mean() + 2 * off + 7 * on)


def test_a_posterior_without_moments_is_refused() -> None:
    terms = gaussian_terms(torch.randn(9, 3), torch.ones(9, 3))
    given = replace(terms, posterior=Point(torch.randn(9, 3)))
    assert DIP("means", 1.0, 1.0)(given, KLControl()).total.isfinite()
    with pytest.raises(UserError, match="but Point has no formula for them; set posterior=diagonal_gaussian"):
        DIP("aggregate", 1.0, 1.0)(given, KLControl())
