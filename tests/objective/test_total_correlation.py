"""Both estimators of the aggregate posterior, and the rate in three parts."""

import logging
import math
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import pytest
import torch
from scored import gaussian_terms
from torch.distributions import MultivariateNormal

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.total_correlation import ESTIMATORS, TotalCorrelation, stratified_log_weight

CPU = torch.device("cpu")

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)


def objective_of(estimator: str = "mss", alpha: float = 1, beta: float = 6, gamma: float = 1) -> TotalCorrelation:
    return TotalCorrelation(alpha, beta, gamma, estimator)


@every_estimator
@pytest.mark.parametrize(("batch_size", "num_examples"), [(1, 1), (1, 9), (2, 2), (2, 1000), (7, 7), (64, 60_000)])
def test_rows_of_the_weights_sum_to_one(batch_size: int, num_examples: int, estimator: str) -> None:
    weight = ESTIMATORS[estimator](batch_size, num_examples, CPU).exp()
    assert weight.shape == (batch_size, batch_size)
    torch.testing.assert_close(weight.sum(1), torch.ones(batch_size))


def published(log_prob: torch.Tensor, num_examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Minibatch weighted sampling as Chen et al. 2018 have it: log q(z) and log prod_d q(z_d)."""
    batch_size = len(log_prob)
    log_qz, log_marginals = [], []
    for row in log_prob:  # [B, D]
        log_qz.append(row.sum(1).exp().sum().log() - math.log(batch_size * num_examples))
        each = [column.exp().sum().log() - math.log(batch_size * num_examples) for column in row.T]
        log_marginals.append(sum(each))
    return torch.stack(log_qz), torch.stack(log_marginals)


@pytest.mark.parametrize("num_examples", [0, 20, 1000])
def test_mws_learns_what_the_published_estimate_does(num_examples: int) -> None:
    """The gradient is the same; the total correlation is less by (D - 1) log N, which has none."""
    loc, scale = (torch.randn(20, 3, dtype=torch.float64).requires_grad_() for _ in range(2))
    terms = gaussian_terms(loc, scale.exp())
    objective = objective_of("mws", alpha=2.0, beta=5.0, gamma=0.5)
    objective.num_examples = num_examples
    loss = objective(terms, KLControl())
    pairs = terms.posterior.base_dist.log_prob(terms.latents[0][0].unsqueeze(1))
    log_qz, log_marginals = published(pairs, max(num_examples, 1))
    information, correlation = (terms.log_qz[0] - log_qz).mean(), (log_qz - log_marginals).mean()
    expected = 2 * information + 5 * correlation + 0.5 * (log_marginals - terms.log_pz[0]).mean()
    slopes = [torch.autograd.grad(each, (loc, scale), retain_graph=True) for each in (loss.total, expected)]
    torch.testing.assert_close(*slopes)
    constant = 2 * math.log(max(num_examples, 1))
    torch.testing.assert_close(loss.parts["total_correlation"], correlation - constant, check_dtype=False)


def test_a_log_says_once_that_an_estimate_may_be_negative(caplog: pytest.LogCaptureFixture) -> None:
    objective, terms = objective_of("mws"), gaussian_terms(torch.randn(9, 3), torch.rand(9, 3) + 0.2)
    with caplog.at_level(logging.INFO):
        objective.initialize_from(SimpleNamespace(split=lambda name: range(1234)))
        for _ in range(3):
            objective(terms, KLControl())
    (message,) = caplog.messages
    assert "(objective.estimator=mws) and may be negative; evaluation=decomposition measures them" in message


@pytest.mark.parametrize(("batch_size", "num_examples"), [(1, 1), (1, 9), (2, 2), (2, 1000), (7, 7), (64, 60_000)])
def test_each_examples_own_weight_is_on_the_diagonal(batch_size: int, num_examples: int) -> None:
    weight = stratified_log_weight(batch_size, num_examples, CPU).exp()
    own = 1 / num_examples if batch_size > 1 else 1.0
    torch.testing.assert_close(weight.diagonal(), torch.full((batch_size,), own))
    others = weight[~torch.eye(batch_size, dtype=torch.bool)]
    assert (others == others[:1]).all()


@pytest.mark.parametrize("batch_size", [2, 3, 5, 6])
def test_the_mean_over_all_minibatches_is_the_aggregate_posterior(batch_size: int) -> None:
    density = torch.rand(6, dtype=torch.float64)  # q(z|x_n) of a z that was drawn from q(z|x_0)
    weight = stratified_log_weight(batch_size, 6, CPU)[0].exp().double()
    estimates = [(weight * density[[0, *others]]).sum() for others in combinations(range(1, 6), batch_size - 1)]
    torch.testing.assert_close(torch.stack(estimates).mean(), density.mean(), rtol=1e-6, atol=0)


def test_the_weights_of_the_paper_are_those_on_average() -> None:
    batch_size, num_examples = 5, 100
    m = batch_size - 1
    paper = torch.tensor([1 / num_examples, *[1 / m] * (m - 1), (num_examples - m) / (num_examples * m)])
    assert paper.sum().item() == pytest.approx(1)
    ours = stratified_log_weight(batch_size, num_examples, CPU)[0].exp()
    torch.testing.assert_close(ours[1:], paper[1:].mean().expand(m))


@every_estimator
def test_total_correlation_of_a_correlated_gaussian(estimator: str) -> None:
    scale = 0.3
    covariance = torch.tensor([[1.0, 0.7, 0.2], [0.7, 1.2, 0.0], [0.2, 0.0, 0.8]])
    loc = MultivariateNormal(torch.zeros(3), covariance).sample((2500,))
    parts = objective_of(estimator)(gaussian_terms(loc, torch.full_like(loc, scale)), KLControl()).parts
    total = covariance + scale**2 * torch.eye(3)
    variance = total.diagonal()
    expected = {
        "total_correlation": (variance.log().sum() - total.logdet()) / 2,
        "mutual_information": (total / scale**2).logdet() / 2,
        "dimension_kl": (variance - 1 - variance.log()).sum() / 2,
    }
    for name, value in expected.items():
        assert parts[name].item() == pytest.approx(value.item(), abs=0.08), name


@every_estimator
@pytest.mark.parametrize("num_examples", [0, 1000])
def test_weights_three_parts_that_add_up_to_the_rate(num_examples: int, estimator: str) -> None:
    terms, control = gaussian_terms(torch.randn(20, 3), torch.rand(20, 3) + 0.2), KLControl()
    objective = objective_of(estimator, alpha=2.0, beta=5.0, gamma=0.5)
    objective.num_examples = num_examples
    control.write("weight", 0.4)
    loss = objective(terms, control)
    information, correlation, dimension = (
        loss.parts[name] for name in ("mutual_information", "total_correlation", "dimension_kl")
    )
    torch.testing.assert_close(information + correlation + dimension, (terms.log_qz - terms.log_pz).mean())
    torch.testing.assert_close(loss.total, 0.4 * (2 * information + 5 * correlation + 0.5 * dimension))


def test_every_sample_of_an_example_counts() -> None:
    loc, scale = torch.randn(20, 3), torch.rand(20, 3) + 0.2
    one, two = gaussian_terms(loc, scale), gaussian_terms(loc, scale)
    stacked = {name: torch.cat([getattr(one, name), getattr(two, name)]) for name in ("log_px", "log_pz", "log_qz")}
    both = replace(one, latents=(torch.cat([one.latents[0], two.latents[0]]),), **stacked)
    objective = TotalCorrelation(1, 6, 1, "mss", num_samples=2)
    mean = sum(objective(each, KLControl()).total for each in (one, two)) / 2
    torch.testing.assert_close(objective(both, KLControl()).total, mean)


def test_learns_the_number_of_training_examples() -> None:
    objective = objective_of()
    objective.initialize_from(SimpleNamespace(split=lambda name: {"train": range(1234)}[name]))
    assert objective.num_examples == 1234


def test_a_posterior_that_does_not_factorise_is_an_error() -> None:
    terms = replace(
        gaussian_terms(torch.zeros(4, 2), torch.ones(4, 2)),
        posterior=MultivariateNormal(torch.zeros(4, 2), torch.eye(2)),
    )
    with pytest.raises(UserError, match="MultivariateNormal does not; set posterior=diagonal_gaussian"):
        objective_of()(terms, KLControl())
