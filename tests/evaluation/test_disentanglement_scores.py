"""Scores of codes whose worth is known: perfect, permuted, rotated, entangled, empty; and too few points."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from vaelab.errors import UserError
from vaelab.evaluation.dci import dci, disentanglement
from vaelab.evaluation.factor_information import binned, entropy, factor_information
from vaelab.evaluation.factor_vae_score import factor_vae_score
from vaelab.evaluation.modularity import modularity
from vaelab.evaluation.mutual_information_gap import mutual_information_gap
from vaelab.evaluation.sap import separated_attribute_predictability

NUM_POINTS, SIZES = 4000, (4, 10, 8, 5)
# Orthogonal, and every dimension takes equally much of every factor.
ROTATION = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2

SCORES: dict[str, Callable[..., float]] = {
    "mig": lambda codes, factors: mutual_information_gap(codes, factors, 20),
    "dci disentanglement": lambda codes, factors: dci(codes, factors, 5, 0).disentanglement,
    "dci completeness": lambda codes, factors: dci(codes, factors, 5, 0).completeness,
    "dci informativeness": lambda codes, factors: dci(codes, factors, 5, 0).informativeness,
    "sap": separated_attribute_predictability,
    "factor_vae_score": lambda codes, factors: factor_vae_score(codes, factors, 500, 32, 0),
    "modularity": lambda codes, factors: modularity(codes, factors, 20),
}
GAPS = ("mig", "dci disentanglement", "dci completeness", "sap")  # 0 where nothing is disentangled
every_score = pytest.mark.parametrize("name", SCORES)
every_gap = pytest.mark.parametrize("name", GAPS)


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.stack([random.integers(size, size=NUM_POINTS) for size in SIZES], 1)


@pytest.fixture(scope="module")
def perfect(factors: np.ndarray) -> np.ndarray:
    """A dimension for each factor, linear in it, of variance 1."""
    return (factors - factors.mean(0)) / factors.std(0)


@every_score
def test_a_perfect_code_scores_1(name: str, perfect: np.ndarray, factors: np.ndarray) -> None:
    # What the second best dimension seems to say by chance is missing from gaps.
    assert SCORES[name](perfect, factors) == pytest.approx(1, abs=0.02)


@every_score
def test_the_order_of_dimensions_does_not_matter(name: str, perfect: np.ndarray, factors: np.ndarray) -> None:
    assert SCORES[name](perfect[:, [2, 0, 3, 1]], factors) == pytest.approx(1, abs=0.02)


@every_score
def test_neither_the_scale_nor_the_sign_of_a_dimension_matters(
    name: str, perfect: np.ndarray, factors: np.ndarray
) -> None:
    assert SCORES[name](perfect * [-1, 1000, 0.01, -5] + 3, factors) == pytest.approx(1, abs=0.02)


@every_gap
def test_a_rotated_code_scores_0(name: str, perfect: np.ndarray, factors: np.ndarray) -> None:
    assert SCORES[name](perfect @ ROTATION, factors) < 0.05


@every_gap
def test_noise_scores_0(name: str, factors: np.ndarray) -> None:
    assert SCORES[name](np.random.default_rng(1).normal(size=(NUM_POINTS, 6)), factors) < 0.05


@every_gap
def test_a_code_that_never_varies_scores_0(name: str, factors: np.ndarray) -> None:
    assert SCORES[name](np.ones((NUM_POINTS, 3)), factors) == 0


def test_noise_is_told_by_chance(factors: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(size=(NUM_POINTS, 6))
    by_chance = np.mean(1 / np.array(SIZES))
    assert SCORES["dci informativeness"](noise, factors) == pytest.approx(by_chance, abs=0.02)
    assert SCORES["factor_vae_score"](noise, factors) == pytest.approx(1 / len(SIZES), abs=0.08)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mig", 0.75), ("sap", 0.75), ("dci disentanglement", 1), ("factor_vae_score", 1), ("modularity", 1)],
)
def test_two_dimensions_of_one_factor(name: str, expected: float, perfect: np.ndarray, factors: np.ndarray) -> None:
    """The factor has no gap, but either dimension is pure."""
    twice = np.concatenate([perfect, -perfect[:, :1]], 1)
    assert SCORES[name](twice, factors) == pytest.approx(expected, abs=0.02)


def test_two_factors_in_one_dimension(factors: np.ndarray) -> None:
    """The dimension is not pure, but either factor has one dimension only."""
    both = factors[:, 0] + 4 * factors[:, 3]
    codes = np.stack([both, factors[:, 1], factors[:, 2]], 1).astype(float)
    assert modularity(codes, factors, 20) < 0.95
    assert dci(codes, factors, 5, 0).disentanglement < 0.9
    assert dci(codes, factors, 5, 0).completeness == pytest.approx(1, abs=0.02)


def test_disentanglement_sums_rows_and_completeness_columns() -> None:
    importance = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    share = np.log(2) / np.log(3)
    assert disentanglement(importance) == pytest.approx((1 - share) / 2 + 1 / 2)
    assert disentanglement(importance.T) == pytest.approx(1)
    assert disentanglement(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])) == pytest.approx(1)


def test_information_is_that_of_dimensions_in_rows_and_factors_in_columns(
    perfect: np.ndarray, factors: np.ndarray
) -> None:
    found = factor_information(perfect[:, :3], factors, 20, "mig")
    assert found.shape == (3, 4)
    np.testing.assert_allclose(np.diag(found), entropy(factors)[:3])
    np.testing.assert_allclose(entropy(factors), np.log(SIZES), atol=0.01)
    off = found[~np.eye(3, 4, dtype=bool)]
    assert (off < 0.05).all()
    assert found[1, 2] == pytest.approx(mutual_info_score(factors[:, 1], factors[:, 2]))


def test_information_of_a_bin_is_that_of_its_values() -> None:
    """Two bins of a code of four equal values tell one bit of it."""
    factor = np.arange(4000)[:, None] % 4
    assert factor_information(factor.astype(float), factor, 2, "mig").item() == pytest.approx(np.log(2))


def test_bins_have_one_width_and_hold_every_code() -> None:
    codes = np.array([[0.0, 7.0], [0.24, 7.0], [0.26, 7.0], [1.0, 7.0]])
    assert binned(codes, 4).tolist() == [[0, 0], [0, 0], [1, 0], [3, 0]]


@pytest.mark.parametrize(
    ("name", "needed"),
    [("mig", 2000), ("dci disentanglement", 2000), ("sap", 2000), ("factor_vae_score", 1280), ("modularity", 2000)],
)
def test_too_few_points_are_refused(name: str, needed: int, perfect: np.ndarray, factors: np.ndarray) -> None:
    assert SCORES[name](perfect[:needed], factors[:needed]) > 0.9
    with pytest.raises(UserError) as caught:
        SCORES[name](perfect[: needed - 1], factors[: needed - 1])
    assert str(caught.value) == (
        f"{name.partition(' ')[0]} needs {needed} points, but has {needed - 1}; set"
        f" evaluation.disentanglement.num_points={needed} or more,"
        " and no lower trainer.limit_test_batches or callbacks.evaluate.num_examples"
    )
