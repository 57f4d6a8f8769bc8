"""Mutual information, total correlation and dimension-wise KL of a test split."""

import logging
import math
from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch
from measuring import evaluate, records_of
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from vaelab.data.module import DataModule
from vaelab.evaluation.decomposition import RateDecomposition
from vaelab.metric.decomposition import Decomposition
from vaelab.model.vae import VAE

Rows = tuple[Tensor, Tensor, Tensor]


def correlated(num: int, covariance: Tensor, scale: float) -> Rows:
    """z, loc and scale of posteriors whose aggregate is N(0, covariance + scale^2 I)."""
    loc = MultivariateNormal(torch.zeros(len(covariance)), covariance).sample((num,))
    return loc + scale * torch.randn_like(loc), loc, torch.full_like(loc, scale)


def update(metric: Decomposition, rows: Rows) -> None:
    z, loc, scale = rows
    metric.update(z, Normal(loc, scale), Normal(0, 1).log_prob(z).sum(1))


def result(rows: Rows, batch: int = 1000, chunk: int = 100) -> dict[str, Tensor]:
    metric = Decomposition(chunk)
    for some in zip(*(each.split(batch) for each in rows), strict=True):
        update(metric, some)
    values, num = metric.compute()
    assert num == len(rows[0])
    return values


def test_of_a_correlated_gaussian() -> None:
    scale, covariance = 0.4, torch.tensor([[1.0, 0.7], [0.7, 1.3]])
    total = covariance + scale**2 * torch.eye(2)
    variance = total.diagonal()
    expected = {
        "mutual_information": (total / scale**2).logdet() / 2,
        "total_correlation": (variance.log().sum() - total.logdet()) / 2,
        "dimension_kl": (variance - 1 - variance.log()).sum() / 2,
        "total_correlation/gaussian": (variance.log().sum() - total.logdet()) / 2,
    }
    found = result(correlated(4000, covariance, scale))
    assert {name: float(value) for name, value in found.items()} == {
        name: pytest.approx(float(value), abs=0.05) for name, value in expected.items()
    }


@pytest.mark.parametrize(("batch", "chunk"), [(1, 100), (7, 1), (300, 33), (1000, 1000)])
def test_batches_chunks_and_order_do_not_matter(batch: int, chunk: int) -> None:
    rows = correlated(300, torch.eye(3), 0.5)
    order = torch.randperm(300)
    found = result(tuple(each[order] for each in rows), batch, chunk)
    torch.testing.assert_close(found, result(rows), rtol=1e-12, atol=1e-12)


def test_two_processes_and_an_empty_batch_equal_one() -> None:
    rows = correlated(101, torch.eye(3), 0.5)
    first, second = Decomposition(), Decomposition()
    update(first, tuple(each[:60] for each in rows))
    update(second, tuple(each[60:] for each in rows))
    update(second, tuple(each[:0] for each in rows))
    first.merge_state(second)
    torch.testing.assert_close(first.compute()[0], result(rows), rtol=1e-12, atol=1e-12)


def test_the_parts_add_up_to_the_rate() -> None:
    z, loc, scale = rows = correlated(400, torch.eye(3), 0.5)
    rate = (Normal(loc, scale).log_prob(z) - Normal(0, 1).log_prob(z)).sum(1).mean()
    parts = result(rows)
    del parts["total_correlation/gaussian"]
    torch.testing.assert_close(sum(parts.values()).float(), rate)


def test_information_of_disjoint_posteriors_is_the_log_of_their_number() -> None:
    loc = torch.arange(50.0).mul(100).unsqueeze(1)
    found = result((loc + torch.randn(50, 1), loc, torch.ones(50, 1)))
    assert found["mutual_information"].item() == pytest.approx(math.log(50))
    assert found["total_correlation"].item() == pytest.approx(0, abs=1e-9)


def test_is_published_with_its_upper_limit(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    vae = model()
    trainer(evaluate(decomposition=RateDecomposition(chunk=50))).test(vae, digits(), verbose=False)
    num = records_of(vae)["rate"].measurement.num_examples
    parts = [records_of(vae)[name].measurement for name in ("mutual_information", "total_correlation", "dimension_kl")]
    assert [part.unit for part in parts] == [
        f"nats, an estimate of at most log {num} = {math.log(num):.2f}",
        "nats",
        "nats",
    ]
    assert all((part.num_examples, part.num_samples) == (num, 1) for part in parts)
    # By one sample of each posterior, where the rate is in closed form.
    assert sum(part.value for part in parts) == pytest.approx(records_of(vae)["rate"].value, rel=0.2)


def test_is_skipped_for_a_point_posterior(
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    vae = model("model=rae")
    with caplog.at_level(logging.WARNING):
        trainer(evaluate(decomposition=RateDecomposition(chunk=50))).test(vae, digits(), verbose=False)
    assert "total_correlation" not in records_of(vae)
    assert (
        "decomposition is left out: total_correlation needs one latent with a diagonal Gaussian posterior"
        in caplog.text
    )
