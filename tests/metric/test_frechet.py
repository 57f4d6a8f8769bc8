"""The Fréchet distance of Gaussians, and its statistics."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from vaelab.errors import UserError
from vaelab.metric.frechet import FrechetStatistics, GaussianStatistics, frechet_distance


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    """As measures are called."""
    with torch.no_grad():
        yield


def features(num: int, dimensions: int = 6) -> Tensor:
    """Correlated, far from zero, one of them without variance, as of a dead unit."""
    mixing = torch.randn(dimensions, dimensions)
    mixing[:, 0] = 0
    return 100 + torch.randn(num, dimensions) @ mixing


def statistics(*shares: Tensor) -> FrechetStatistics:
    metric = FrechetStatistics(shares[0].shape[1])
    for share in shares:
        metric.update(share)
    return metric


def test_moments_are_those_of_numpy() -> None:
    rows = features(50)
    num, mean, covariance = statistics(*rows.split(7)).compute()
    assert num == 50
    np.testing.assert_allclose(mean, np.mean(rows.double().numpy(), 0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(rows.double().numpy(), rowvar=False), rtol=1e-9, atol=1e-9)


def test_pooled_sums_of_three_shares_equal_one_process() -> None:
    rows = features(50)
    shares = [statistics(share) for share in (rows[:20], rows[20:21], rows[21:])]  # one without a covariance
    pooled = statistics(rows[:0])
    for name in pooled.metric_state:
        setattr(pooled, name, sum(share.metric_state[name] for share in shares))
    alone = statistics(rows).compute()
    torch.testing.assert_close(pooled.compute(), alone, rtol=1e-12, atol=1e-9)
    other = statistics(features(50)).compute()
    assert frechet_distance(pooled.compute(), other) == pytest.approx(frechet_distance(alone, other), rel=1e-9)


def test_the_distance_of_images_to_themselves_is_zero() -> None:
    moments = statistics(features(50)).compute()
    assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-9)


def test_equals_the_formula_for_diagonal_gaussians() -> None:
    mean, scale = torch.randn(2, 5, dtype=torch.float64), 1 + torch.rand(2, 5, dtype=torch.float64)
    a, b = (GaussianStatistics(torch.tensor(10.0), mean[i], scale[i].square().diag()) for i in range(2))
    expected = (mean[0] - mean[1]).square().sum() + (scale[0] - scale[1]).square().sum()
    assert frechet_distance(a, b) == pytest.approx(expected.item(), rel=1e-12)


def test_is_symmetric_and_invariant_to_rotation() -> None:
    a, b = features(50), features(60)
    rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    there = frechet_distance(statistics(a).compute(), statistics(b).compute())
    back = frechet_distance(statistics(b).compute(), statistics(a).compute())
    turned = frechet_distance(*(statistics(rows.double() @ rotation).compute() for rows in (a, b)))
    assert there > 1
    assert [back, turned] == pytest.approx([there, there], rel=1e-8)


@pytest.mark.parametrize("order", [1, -1])
def test_fewer_images_than_features_are_an_error(order: int) -> None:
    few, many = (statistics(features(num)).compute() for num in (5, 6))
    message = (
        r"^the Fréchet distance of 6 features needs at least 6 images, but there are 5; take more images or fewer"
        r" features$"
    )
    with pytest.raises(UserError, match=message):
        frechet_distance(*(few, many)[::order])
