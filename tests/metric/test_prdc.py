"""Precision, recall, density and coverage, against their definitions."""

import pytest
import torch
from torch import Tensor

from vaelab.errors import UserError
from vaelab.metric import prdc as module
from vaelab.metric.prdc import prdc, warn_of_few_images


def distance(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).square().sum().sqrt())


def radii(features: Tensor, k: int) -> list[float]:
    """How far the k-th nearest other is."""
    return [
        sorted(distance(each, other) for j, other in enumerate(features) if j != i)[k - 1]
        for i, each in enumerate(features)
    ]


def by_definition(samples: Tensor, real: Tensor, k: int) -> dict[str, float]:
    real_radii, sample_radii = radii(real, k), radii(samples, k)
    inside = [[distance(s, r) < radius for r, radius in zip(real, real_radii, strict=True)] for s in samples]
    recalled = [any(distance(s, r) < radius for s, radius in zip(samples, sample_radii, strict=True)) for r in real]
    return {
        "precision": sum(any(row) for row in inside) / len(samples),
        "recall": sum(recalled) / len(real),
        "density": sum(sum(row) for row in inside) / k / len(samples),
        "coverage": sum(any(column) for column in zip(*inside, strict=True)) / len(real),
    }


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("block", [10**7, 90, 1])  # distances: all, two rows, less than one row
def test_equals_the_definition(k: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    samples, real = 0.8 * torch.randn(30, 4), torch.randn(40, 4)
    found = prdc(samples, real, k)
    assert found == pytest.approx(by_definition(samples, real, k), rel=1e-12)
    assert all(0 < value < 2 for value in found.values())


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.375, 1000.5)])
def test_ties_are_outside(k: int, scale: float, shift: float) -> None:
    """On a grid nearly all k-th neighbours are one of several."""
    grid = torch.cartesian_prod(torch.arange(5.0), torch.arange(5.0))
    samples = torch.cat([grid[:9], grid[3:4] + 0.5, grid[:2]])
    found = prdc(shift + scale * samples, shift + scale * grid, k)
    assert found == pytest.approx(by_definition(samples, grid, k), rel=1e-12)


def test_a_set_against_itself_counts_itself_and_k_minus_one_neighbours() -> None:
    real = torch.randn(200, 16)
    assert prdc(real, real, 5)["density"] == 1
    assert prdc(real.flip(0), real, 5)["density"] == 1


def test_more_than_k_duplicates_have_an_empty_ball() -> None:
    same = torch.rand(1, 16).expand(4, -1)
    assert prdc(same, same, 3) == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    assert prdc(same, torch.cat([same[:3], same[:1] + 1]), 3)["precision"] == 1


def test_few_images_are_a_warning() -> None:
    assert warn_of_few_images(1000) == ""
    assert warn_of_few_images(999) == "999 images are few: the fewer, the wider the balls; take 1000 or more"


def test_real_images_are_like_themselves() -> None:
    real = 1000 + torch.randn(50, 8)
    found = prdc(real, real, 5)
    assert (found["precision"], found["recall"], found["coverage"]) == (1, 1, 1)


def test_a_repeated_image_has_high_precision_and_low_coverage() -> None:
    real = torch.randn(50, 8)
    found = prdc(real[:1] + 1e-3 * torch.randn(50, 8), real, 5)
    assert found["precision"] == 1
    assert found["recall"] <= 0.02
    assert found["coverage"] < 0.5


def test_noise_has_low_precision_and_density() -> None:
    found = prdc(100 + torch.randn(50, 8), torch.randn(50, 8), 5)
    assert set(found.values()) == {0}


@pytest.mark.parametrize("order", [1, -1])
def test_fewer_than_k_neighbours_are_an_error(order: int) -> None:
    message = (
        r"^the 5 nearest neighbours of an image need more than 5 images, but there are 5; set nearest_k=4 or lower$"
    )
    with pytest.raises(UserError, match=message):
        prdc(*(torch.randn(5, 4), torch.randn(50, 4))[::order], 5)
