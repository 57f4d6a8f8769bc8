"""Scores of codes with known values: perfect, permuted, rotated, entangled, empty; and too few points."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import entropy as scipy_entropy
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import mutual_info_score

from vaelab.errors import UserError
from vaelab.metric.disentanglement.dci import boosted_dci, disentanglement, forest_dci
from vaelab.metric.disentanglement.factor_information import bin_codes, entropy, factor_information
from vaelab.metric.disentanglement.factor_vae_score import factor_vae_score
from vaelab.metric.disentanglement.modularity import modularity
from vaelab.metric.disentanglement.mutual_information_gap import mutual_information_gap
from vaelab.metric.disentanglement.sap import (
    adjusted_accuracy,
    linear_accuracy,
    separated_attribute_predictability,
    threshold_accuracy,
)

NUM_POINTS, SIZES = 4000, (4, 10, 8, 5)
# Orthogonal, and every dimension takes equally much of every factor.
ROTATION = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2

SCORES: dict[str, Callable[..., float]] = {
    "mig": lambda codes, factors: mutual_information_gap(codes, factors, 20),
    "dci disentanglement": lambda codes, factors: boosted_dci(codes, factors, 1000, 5, 0).disentanglement,
    "dci completeness": lambda codes, factors: boosted_dci(codes, factors, 1000, 5, 0).completeness,
    "dci informativeness": lambda codes, factors: boosted_dci(codes, factors, 1000, 5, 0).informativeness,
    "dci/forest disentanglement": lambda codes, factors: forest_dci(codes, factors, 5, 0).disentanglement,
    "dci/forest completeness": lambda codes, factors: forest_dci(codes, factors, 5, 0).completeness,
    "dci/forest informativeness": lambda codes, factors: forest_dci(codes, factors, 5, 0).informativeness,
    "sap/adjusted": lambda codes, factors: separated_attribute_predictability(codes, factors, adjusted_accuracy),
    "factor_vae_score": lambda codes, factors: factor_vae_score(codes, factors, 500, 32, 0),
    "modularity": lambda codes, factors: modularity(codes, factors, 20),
}
# 0 where nothing is disentangled.
GAPS = ("mig", "dci/forest disentanglement", "dci/forest completeness", "sap/adjusted", "sap/threshold", "sap")
# Published, and with another number for a perfect code.
SAPS: dict[str, Callable[..., float]] = {
    "sap": lambda codes, factors: separated_attribute_predictability(codes, factors, linear_accuracy),
    "sap/threshold": lambda codes, factors: separated_attribute_predictability(
        codes, factors, threshold_accuracy(0.05)
    ),
}
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
    assert (SCORES | SAPS)[name](perfect @ ROTATION, factors) < 0.06


@every_gap
def test_noise_scores_0(name: str, factors: np.ndarray) -> None:
    assert (SCORES | SAPS)[name](np.random.default_rng(1).normal(size=(NUM_POINTS, 6)), factors) < 0.06


@every_gap
def test_a_code_that_never_varies_scores_0(name: str, factors: np.ndarray) -> None:
    assert (SCORES | SAPS)[name](np.ones((NUM_POINTS, 3)), factors) == 0


def test_the_three_sap_variants_differ_on_a_perfect_code_of_dsprites() -> None:
    """Its factors themselves: 0.99, 0.86 and 0.24 under one name would be three numbers of one code."""
    random = np.random.default_rng(0)
    factors = np.stack([random.integers(size, size=12_000) for size in (3, 6, 40, 32, 32)], 1)
    codes = (factors - factors.mean(0)) / factors.std(0)
    assert SAPS["sap"](codes, factors) == pytest.approx(0.24, abs=0.015)
    assert SAPS["sap/threshold"](codes, factors) == pytest.approx(0.86, abs=0.015)
    assert SCORES["sap/adjusted"](codes, factors) == pytest.approx(0.99, abs=0.015)


def machine(code: np.ndarray, factor: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A linear support vector machine by its definition: squared hinge, one value against all others."""
    decisions = []
    for value in np.unique(factor):
        sign = np.where(factor == value, 1, -1)
        rarity = len(factor) / (len(np.unique(factor)) * (factor == value).sum())
        weight = 0.01 * np.where(factor == value, rarity, 1.0)

        def loss(at: np.ndarray, sign: np.ndarray = sign, weight: np.ndarray = weight) -> float:
            short = np.maximum(0, 1 - sign * (at[0] * code + at[1]))
            return (at**2).sum() / 2 + (weight * short**2).sum()

        slope, offset = minimize(loss, np.zeros(2), tol=1e-12).x
        decisions.append(slope * other + offset)
    return np.unique(factor)[np.argmax(decisions, axis=0)]


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_sap_uses_the_svm_of_its_definition(noise: float, perfect: np.ndarray, factors: np.ndarray) -> None:
    random = np.random.default_rng(3)
    codes = perfect + noise * random.normal(size=perfect.shape)
    for code, factor in zip(codes.T, factors.T, strict=True):
        found = linear_accuracy(code[:2000], factor[:2000], code[2000:], factor[2000:])
        expected = (machine(code[:2000], factor[:2000], code[2000:]) == factor[2000:]).mean()
        assert found == pytest.approx(expected, abs=0.005)


def test_thresholds_separate_the_values_and_dead_dimensions_have_none() -> None:
    """Balanced: each value counts equally, however rare it is."""
    random = np.random.default_rng(3)
    factor = random.choice(3, size=4000, p=[0.7, 0.2, 0.1])
    code = factor + random.normal(size=4000)
    predicted = np.digitize(code, [0.5, 1.5])
    expected = np.mean([(predicted[factor == value] == value).mean() for value in range(3)])
    half = (code[:2000], factor[:2000], code[2000:], factor[2000:])
    assert threshold_accuracy(0.05)(*half) == pytest.approx(expected, abs=0.03)
    assert adjusted_accuracy(*half) == pytest.approx((expected - 1 / 3) / (2 / 3), abs=0.03)
    noise = (half[0], half[1], random.normal(size=2000), half[3])
    assert threshold_accuracy(0.05)(*noise) > 1 / 3 + 0.02  # fitted to what is asked
    assert abs(adjusted_accuracy(*noise)) < 0.05
    assert threshold_accuracy(5.0)(*half) == 0


@pytest.mark.parametrize("kind", ["perfect", "rotated", "dead", "nearly dead"])
def test_modularity_equals_its_definition_and_counts_dead_dimensions(
    kind: str, perfect: np.ndarray, factors: np.ndarray
) -> None:
    codes = {
        "perfect": perfect,
        "rotated": perfect @ ROTATION,
        "dead": np.concatenate([perfect, np.zeros((NUM_POINTS, 2))], 1),
        "nearly dead": np.concatenate([perfect, 1e-6 * np.random.default_rng(5).normal(size=(NUM_POINTS, 2))], 1),
    }[kind]
    scores = []
    for code in codes.T:
        edges = np.linspace(code.min(), code.max(), 21)[1:-1]
        information = [mutual_info_score(np.digitize(code, edges), column) for column in factors.T]
        best = max(information)
        others = sorted(information)[:-1]
        scores.append(1 - sum(one**2 for one in others) / (3 * best**2) if best > 0 else 0)
    assert modularity(codes, factors, 20) == pytest.approx(np.mean(scores), abs=1e-6)
    if kind == "dead":
        assert modularity(codes, factors, 20) == pytest.approx(4 / 6, abs=0.01)


@pytest.mark.parametrize("kind", ["perfect", "rotated", "dead"])
def test_dci_equals_its_definition(kind: str, perfect: np.ndarray, factors: np.ndarray) -> None:
    dead = np.concatenate([perfect, np.zeros((NUM_POINTS, 2))], 1)
    codes = {"perfect": perfect, "rotated": perfect @ ROTATION, "dead": dead}[kind][:1000]
    factors = factors[:1000]
    trees = [
        GradientBoostingClassifier(n_estimators=5, random_state=0).fit(codes[:500], column[:500])
        for column in factors.T
    ]
    r = np.stack([tree.feature_importances_ for tree in trees], 1) + 1e-11
    found = boosted_dci(codes, factors, 1000, 5, 0)
    assert found.disentanglement == pytest.approx(
        ((1 - scipy_entropy(r.T, base=4)) * r.sum(1)).sum() / r.sum(), abs=1e-6
    )
    assert found.completeness == pytest.approx(np.mean(1 - scipy_entropy(r, base=len(r))), abs=1e-6)
    right = [tree.score(codes[500:], column[500:]) for tree, column in zip(trees, factors.T, strict=True)]
    assert found.informativeness == pytest.approx(np.mean(right))


def test_noise_has_chance_accuracy(factors: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(size=(NUM_POINTS, 6))
    by_chance = np.mean(1 / np.array(SIZES))
    assert SCORES["dci informativeness"](noise, factors) == pytest.approx(by_chance, abs=0.04)
    assert SCORES["dci/forest informativeness"](noise, factors) == pytest.approx(by_chance, abs=0.02)
    assert SCORES["factor_vae_score"](noise, factors) == pytest.approx(1 / len(SIZES), abs=0.08)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("mig", 0.75), ("sap/adjusted", 0.75), ("dci/forest disentanglement", 1)),
        *(("factor_vae_score", 1), ("modularity", 1)),
    ],
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
    assert forest_dci(codes, factors, 5, 0).disentanglement < 0.9
    assert forest_dci(codes, factors, 5, 0).completeness == pytest.approx(1, abs=0.02)


def test_disentanglement_sums_rows_and_completeness_columns() -> None:
    importance = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    share = np.log(2) / np.log(3)
    assert disentanglement(importance) == pytest.approx((1 - share) / 2 + 1 / 2)
    assert disentanglement(importance.T) == pytest.approx(1)
    assert disentanglement(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])) == pytest.approx(1)


def test_information_has_dimensions_in_rows_and_factors_in_columns(perfect: np.ndarray, factors: np.ndarray) -> None:
    found = factor_information(perfect[:, :3], factors, 20, "mig")
    assert found.shape == (3, 4)
    np.testing.assert_allclose(np.diag(found), entropy(factors)[:3])
    np.testing.assert_allclose(entropy(factors), np.log(SIZES), atol=0.01)
    off = found[~np.eye(3, 4, dtype=bool)]
    assert (off < 0.05).all()
    assert found[1, 2] == pytest.approx(mutual_info_score(factors[:, 1], factors[:, 2]))


def test_information_equals_that_of_the_bin_numbers() -> None:
    """Two bins of a code of four equal values tell one bit of it."""
    factor = np.arange(4000)[:, None] % 4
    assert factor_information(factor.astype(float), factor, 2, "mig").item() == pytest.approx(np.log(2))


def test_bins_have_one_width_and_hold_every_code() -> None:
    codes = np.array([[0.0, 7.0], [0.24, 7.0], [0.26, 7.0], [1.0, 7.0]])
    assert bin_codes(codes, 4).tolist() == [[0, 0], [0, 0], [1, 0], [3, 0]]


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        *(("mig", 2000), ("dci disentanglement", 400), ("dci/forest disentanglement", 2000), ("sap/adjusted", 2000)),
        *(("factor_vae_score", 1280), ("modularity", 2000)),
    ],
)
def test_too_few_points_are_an_error(name: str, needed: int, perfect: np.ndarray, factors: np.ndarray) -> None:
    assert SCORES[name](perfect[:needed], factors[:needed]) > 0.9
    with pytest.raises(UserError) as caught:
        SCORES[name](perfect[: needed - 1], factors[: needed - 1])
    score = {"sap/adjusted": "sap"}.get(name, name).partition(" ")[0]
    key = "boosted_points" if score == "dci" else "num_points"
    assert str(caught.value) == (
        f"{score} needs {needed} points, but has {needed - 1}; set evaluation.disentanglement.{key}={needed} or more,"
        " and no lower trainer.limit_test_batches or callbacks.evaluate.num_examples"
    )
