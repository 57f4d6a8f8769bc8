"""The maximum mean discrepancy against its closed form, and the losses of InfoVAE and WAE."""

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from scored import gaussian_terms
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.kernel import KERNELS, rbf
from vaelab.objective.mmd import MMD, squared_mmd
from vaelab.terms import Terms


@pytest.mark.parametrize("size", [2, 5])
def test_is_unbiased_for_two_gaussians(size: int) -> None:
    shift, scale = torch.tensor([1.0, -0.5, 0.0]), 1.3
    a, b = torch.randn(20_000, size, 3) + shift, torch.randn(20_000, size, 3)
    found = squared_mmd(a, b, rbf, scale)
    # E exp(-|d|^2 / (2 s^2)) for d ~ N(shift, 2 I)
    width = scale**2 + 2
    near = (scale**2 / width) ** 1.5
    expected = 2 * near * (1 - math.exp(-shift.square().sum().item() / (2 * width)))
    assert abs(found.mean().item() - expected) < 4 * found.std().item() / math.sqrt(20_000)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_excludes_only_pairs_of_an_example_with_itself(kernel: object) -> None:
    a, b = torch.randn(1, 4, 3), torch.randn(1, 4, 3)
    k = lambda left, right: kernel((left - right).square().sum(), 0.7)  # noqa: E731
    pairs = list(product(range(4), repeat=2))
    within = sum(k(each[0, i], each[0, j]) for each in (a, b) for i, j in pairs if i != j) / 12
    across = sum(k(a[0, i], b[0, j]) for i, j in pairs) / 16
    torch.testing.assert_close(squared_mmd(a, b, kernel, 0.7)[0], within - 2 * across)


def test_kernels_are_one_at_zero_and_fall_by_their_formula() -> None:
    distance = torch.tensor([0.0, 1.0, 8.0])
    torch.testing.assert_close(KERNELS["rbf"](distance, 2.0), (-distance / 8).exp())
    torch.testing.assert_close(KERNELS["inverse_multiquadratic"](distance, 2.0), 8 / (8 + distance))


def mmd(alpha: float = 0.0, strength: float = 10.0, kernel: str = "rbf", scale: float = 1.0) -> MMD:
    return MMD(alpha, strength, kernel, scale)


def given(loc: Tensor) -> Terms:
    return gaussian_terms(loc, torch.full_like(loc, 0.5))


@pytest.mark.parametrize(("alpha", "strength"), [(0.0, 1000.0), (1.0, 10.0), (0.5, 1.0)])
def test_the_loss_is_that_of_infovae(alpha: float, strength: float) -> None:
    terms, control = given(torch.randn(30, 4)), KLControl()
    control.write("weight", 0.3)
    loss = mmd(alpha, strength)(terms, control)
    rate = (1 - alpha) * 0.3 * terms.kl.sum(1).mean()
    torch.testing.assert_close(loss.total, rate + (alpha + strength - 1) * loss.parts["mmd"])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("per_example", [False, True])
def test_distinguishes_latents_of_the_prior_from_others(per_example: bool, kernel: str) -> None:
    right = gaussian_terms(math.sqrt(0.75) * torch.randn(500, 4), torch.full((500, 4), 0.5))
    far = given(torch.randn(500, 4) + 1)
    found = []
    for terms in (right, far):
        shape = (500, 4) if per_example else (4,)
        prior: Distribution = Independent(Normal(torch.zeros(shape), torch.ones(shape)), 1)
        found.append(mmd(kernel=kernel).discrepancy(replace(terms, prior=prior)).item())
    assert abs(found[0]) < 0.01
    assert found[1] > 0.05


def test_pulls_latents_towards_the_prior() -> None:
    loc = (torch.randn(200, 4) + 2).requires_grad_()
    mmd().discrepancy(given(loc)).backward()
    assert (loc.grad.mean(0) > 0).all()


def test_one_example_is_compared_without_a_pair() -> None:
    assert mmd().discrepancy(given(torch.randn(1, 4))).isfinite()


def test_two_latents_are_an_error() -> None:
    terms = given(torch.randn(3, 4))
    with pytest.raises(UserError, match="the MMD compares one latent with its prior, but the model has 2"):
        mmd()(replace(terms, latents=terms.latents * 2), KLControl())
