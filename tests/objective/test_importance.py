"""Importance-weighted bounds: values, and three gradient estimators that agree where they should."""

import math
from dataclasses import replace

import pytest
import torch
from scored import scored, wrong
from torch import Tensor
from torch.distributions import MixtureSameFamily

from vaelab.distribution.point import Point
from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.importance import Importance
from vaelab.terms import Terms

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))

GRADIENTS = ("reparameterized", "sticking_the_landing", "doubly_reparameterized")


def importance(num_samples: int = 1, num_bounds: int = 1, elbo_share: float = 0.0, gradient: str = GRADIENTS[0]):
    return Importance(num_samples, num_bounds, elbo_share, gradient)


def control(weight: float = 1.0) -> KLControl:
    control = KLControl()
    control.write("weight", weight)
    return control


def terms(num_samples: int, num_examples: int = 6) -> Terms:
    return scored(wrong(), X[:num_examples], torch.randn(num_samples, num_examples, 2))


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_is_the_mean_bound_mixed_with_the_elbo(weight: float, gradient: str) -> None:
    objective, given = importance(4, 3, 0.25, gradient), terms(12)
    log_weight = given.log_px + weight * (given.log_pz - given.log_qz)
    bounds = log_weight.unflatten(0, (4, 3)).exp().mean(0).log()  # of each of 3 sets of 4
    expected = -(0.75 * bounds.mean() + 0.25 * log_weight.mean())
    torch.testing.assert_close(objective(given, control(weight)).total, expected)
    assert objective.num_samples == 12


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_one_sample_is_the_elbo(gradient: str) -> None:
    given = terms(1)
    torch.testing.assert_close(importance(gradient=gradient)(given, control()).total, -given.log_weight.mean())


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_an_examples_gradient_does_not_depend_on_its_batch_mates(gradient: str) -> None:
    shift, noise = torch.full((6, 2), 0.7, requires_grad=True), torch.randn(15, 6, 2)
    objective = importance(5, 3, 0.2, gradient)
    together = objective(scored(wrong(shift), X, noise), control()).total * 6
    alone = sum(
        objective(scored(wrong(shift[b : b + 1]), X[b : b + 1], noise[:, b : b + 1]), control()).total for b in range(6)
    )
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(torch.autograd.grad(together, shift), torch.autograd.grad(alone, shift))


@pytest.mark.parametrize("num_samples", [1, 5])
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_without_the_score_the_noise_vanishes_at_the_exact_posterior(gradient: str, num_samples: int) -> None:
    shift, widening = torch.zeros(6, 2, requires_grad=True), torch.ones(6, 2, requires_grad=True)
    given = scored(wrong(shift, widening), X, torch.randn(num_samples, 6, 2))
    slopes = torch.autograd.grad(importance(num_samples, gradient=gradient)(given, control()).total, (shift, widening))
    largest = max(slope.abs().max().item() for slope in slopes)
    assert (largest < 1e-5) == (gradient != "reparameterized")


def posterior_gradients(objective: Importance, weight: float = 1.0, repeats: int = 40_000) -> Tensor:
    """Independent estimates [repeats, 4] of one example's gradient by the posterior's shift and widening."""
    torch.manual_seed(2)
    shift = torch.tensor([0.7, -0.2]).repeat(repeats, 1).requires_grad_()
    widening = torch.tensor([1.4, 0.8]).repeat(repeats, 1).requires_grad_()
    noise = torch.randn(objective.num_samples, repeats, 2)
    total = objective(scored(wrong(shift, widening), X[:1].expand(repeats, -1), noise), control(weight)).total
    return torch.cat(torch.autograd.grad(total * repeats, (shift, widening)), 1)


def furthest(a: Tensor, b: Tensor) -> float:
    """The largest difference of two mean gradients, in standard errors; both saw the same noise."""
    difference = a - b
    return (difference.mean(0) / (difference.std(0) / math.sqrt(len(a)))).abs().max().item()


@pytest.mark.parametrize(
    ("num_samples", "num_bounds", "elbo_share", "weight"),
    [(1, 1, 0.0, 1.0), (5, 1, 0.0, 1.0), (3, 2, 0.0, 1.0), (5, 1, 0.4, 1.0), (4, 1, 0.0, 0.3), (3, 2, 0.5, 0.3)],
)
def test_doubly_reparameterized_is_unbiased_for_the_posterior(
    num_samples: int, num_bounds: int, elbo_share: float, weight: float
) -> None:
    plain, doubly = (
        posterior_gradients(importance(num_samples, num_bounds, elbo_share, gradient), weight)
        for gradient in ("reparameterized", "doubly_reparameterized")
    )
    assert plain.mean(0).abs().min() > 0.01
    assert furthest(plain, doubly) < 4


def test_sticking_the_landing_is_unbiased_for_one_sample_only() -> None:
    bias = [
        furthest(*(posterior_gradients(importance(k, gradient=gradient)) for gradient in GRADIENTS[:2])) for k in (1, 5)
    ]
    assert bias[0] < 4
    assert bias[1] > 20


def test_doubly_reparameterized_has_less_noise() -> None:
    plain, doubly = (posterior_gradients(importance(50, gradient=GRADIENTS[i]), repeats=2000) for i in (0, 2))
    assert (doubly.std(0) < 0.7 * plain.std(0)).all()


@pytest.mark.parametrize("gradient", GRADIENTS[1:])
def test_the_gradient_of_the_decoder_is_unchanged(gradient: str) -> None:
    slopes = []
    noise = torch.randn(10, 6, 2)
    for each in (GRADIENTS[0], gradient):
        latent = wrong(torch.tensor(0.7, requires_grad=True))
        total = importance(5, 2, 0.2, each)(scored(latent, X, noise), control(0.7)).total
        slopes.append(torch.autograd.grad(total, list(latent.decoder.parameters())))
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_flow_that_scores_what_it_draws_gets_the_same_gradient(gradient: str) -> None:
    noise, slopes = torch.randn(5, 6, 2), []
    for flow in (False, True):
        widening = torch.full((6, 2), 1.4, requires_grad=True)
        given = scored(wrong(0.7, widening), X, noise)
        if flow:  # the density as a function of the noise, without z
            base = torch.distributions.Normal(0, 1).log_prob(noise).sum(2)
            given = replace(given, log_qz=base - given.posterior.stddev.log().sum(1))
        total = importance(5, gradient=gradient)(given, control()).total
        slopes.append(torch.autograd.grad(total, widening))
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)


def test_weights_that_vanish_leave_a_finite_gradient() -> None:
    shift = torch.full((6, 2), 0.7, requires_grad=True)
    given = scored(wrong(shift), X, torch.randn(5, 6, 2) * torch.tensor([1, 1, 1, 1e3, 1e4])[:, None, None])
    total = importance(5, gradient="doubly_reparameterized")(given, control()).total
    assert torch.autograd.grad(total, shift)[0].isfinite().all()


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_works_without_gradients(gradient: str) -> None:
    with torch.no_grad():
        assert importance(5, gradient=gradient)(terms(5), control()).total.isfinite()


def test_a_posterior_without_a_density_is_an_error() -> None:
    given = replace(terms(1), posterior=Point(torch.zeros(6, 2)), is_bound=False)
    with pytest.raises(
        UserError, match="those of Point have none; choose posterior=diagonal_gaussian, or objective=elbo"
    ):
        importance()(given, control())


@pytest.mark.parametrize("gradient", GRADIENTS[1:])
def test_several_latents_are_an_error(gradient: str) -> None:
    given = terms(1)
    with pytest.raises(UserError, match=r"the model has 2 drawn from .*; set objective.gradient=reparameterized"):
        importance(gradient=gradient)(replace(given, latents=given.latents * 2), control())
    unknown = MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(6, 3)),
        torch.distributions.Independent(torch.distributions.Normal(torch.zeros(6, 3, 2), torch.ones(6, 3, 2)), 1),
    )
    with pytest.raises(UserError, match="drawn from MixtureSameFamily"):
        importance(gradient=gradient)(replace(given, posterior=unknown), control())
