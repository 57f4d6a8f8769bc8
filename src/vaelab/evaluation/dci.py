"""DCI: disentanglement, completeness and informativeness, by regressors from codes to factors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import RandomForestClassifier

from vaelab.evaluation.enough import require

POINTS_PER_VALUE = 100


class DCI(NamedTuple):
    """Three numbers between 0 and 1, of which 1 is best."""

    disentanglement: float
    completeness: float
    informativeness: float


def dci(codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_trees: int, seed: int) -> DCI:
    """By what matters to a random forest for each factor; the first half of the points is for learning.

    disentanglement  1 - H_F(importance of a dimension over factors), a mean weighted by the dimensions' importance
    completeness     1 - H_D(importance over the dimensions), the mean over factors
    informativeness  share of the second half whose value is told right, the mean over factors

    H_K is the entropy to base K          (Eastwood & Williams 2018, ICLR, section 2). The forest is their second
    regressor, here a classifier; the boosted trees of Locatello et al. 2019 (arXiv:1811.12359) grow one tree per
    value and round, a hundred times as much work for factors of 40 values. Every tree sees every dimension at every
    split: a random choice of dimensions would give importance to those that know nothing.
    """
    num_values = max(len(np.unique(column)) for column in factors.T)
    require("dci", len(codes), 2 * POINTS_PER_VALUE * num_values)
    learned, asked = np.array_split(np.arange(len(codes)), 2)
    importance, accuracy = [], []
    for column in factors.T:
        forest = RandomForestClassifier(num_trees, max_features=None, min_samples_leaf=5, random_state=seed)
        forest.fit(codes[learned], column[learned])
        importance.append(forest.feature_importances_)
        accuracy.append(forest.score(codes[asked], column[asked]))
    by_dimension = np.stack(importance, axis=1)
    return DCI(disentanglement(by_dimension), disentanglement(by_dimension.T), float(np.mean(accuracy)))


def disentanglement(importance: Float[np.ndarray, "D F"]) -> float:
    """sum_d w_d (1 - H_F(r_d / sum_f r_df)), where w_d is the share of row d in all importance; 0 where none is.

    Of the transposed matrix it is the completeness.
    """
    total = importance.sum(1)
    if not total.any():
        return 0.0
    shares = importance[total > 0] / total[total > 0, None]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(1) / np.log(importance.shape[1])
    return float(np.average(1 - entropy, weights=total[total > 0]))
