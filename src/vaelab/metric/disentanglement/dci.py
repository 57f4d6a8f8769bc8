"""DCI: disentanglement, completeness and informativeness, by regressors from codes to factors."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from vaelab.metric.disentanglement.sample_size import require_points


class DCI(NamedTuple):
    """Three numbers between 0 and 1; 1 is best."""

    disentanglement: float
    completeness: float
    informativeness: float


def dci(codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], regressor: Callable[[], Any]) -> DCI:
    """DCI from the importances of a regressor of each factor, which is trained on the first half of the points.

    disentanglement  1 - H_F(importance of a dimension over factors), a mean weighted by the dimensions' importance
    completeness     1 - H_D(importance over the dimensions), the mean over factors
    informativeness  accuracy on the second half, the mean over factors

    H_K is the entropy to base K          (Eastwood & Williams 2018, ICLR, section 2)
    """
    learned, asked = np.array_split(np.arange(len(codes)), 2)
    importance, accuracy = [], []
    for column in factors.T:
        one = regressor().fit(codes[learned], column[learned])
        importance.append(one.feature_importances_)
        accuracy.append(one.score(codes[asked], column[asked]))
    by_dimension = np.stack(importance, axis=1)
    return DCI(disentanglement(by_dimension), disentanglement(by_dimension.T), float(np.mean(accuracy)))


def boosted_dci(
    codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_points: int, num_rounds: int, seed: int
) -> DCI:
    """DCI by gradient-boosted trees, one tree per value and round, from the first `num_points` points.

    The regressor of Locatello et al. 2019 (arXiv:1811.12359), which published tables use, with 100 rounds on
    10,000 points and 5000 for test.
    """
    codes, factors = codes[:num_points], factors[:num_points]
    require_points_per_value("dci", codes, factors, 20, "boosted_points")
    return dci(codes, factors, lambda: GradientBoostingClassifier(n_estimators=num_rounds, random_state=seed))


def forest_dci(codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_trees: int, seed: int) -> DCI:
    """DCI by random forests, the second regressor of Eastwood & Williams 2018, here classifiers, from all points.

    Every split considers every dimension: a random subset would give importance to uninformative dimensions.
    """
    require_points_per_value("dci/forest", codes, factors, 100, "num_points")
    settings = {"max_features": None, "min_samples_leaf": 5, "random_state": seed}
    return dci(codes, factors, lambda: RandomForestClassifier(num_trees, **settings))


def require_points_per_value(
    score: str, codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], per_value: int, key: str
) -> None:
    """Raises UserError if there are too few points of each value to train on half of them."""
    num_values = max(len(np.unique(column)) for column in factors.T)
    require_points(score, len(codes), 2 * per_value * num_values, key)


def disentanglement(importance: Float[np.ndarray, "D F"]) -> float:
    """sum_d w_d (1 - H_F(r_d / sum_f r_df)), with w_d the share of row d in the total importance; 0 if that is 0.

    For the transposed matrix it is the completeness.
    """
    total = importance.sum(1)
    if not total.any():
        return 0.0
    shares = importance[total > 0] / total[total > 0, None]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(1) / np.log(importance.shape[1])
    return float(np.average(1 - entropy, weights=total[total > 0]))
