"""Mutual information between each dimension of a code and each factor."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import mutual_info_score

from vaelab.metric.disentanglement.sample_size import require_points

POINTS_PER_CELL = 10


def factor_information(
    codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_bins: int, score: str
) -> Float[np.ndarray, "D F"]:
    """Mutual information I(z_d; v_f) in nats, with each z_d in `num_bins` bins of equal width.

    For independent variables, the estimate is (num_bins - 1)(K - 1) / 2N nats, with K values of the factor. With ten
    points for each pair of a bin and a value, which `score` requires, that is less than 0.05.
    """
    num_values = max(len(np.unique(column)) for column in factors.T)
    require_points(score, len(codes), POINTS_PER_CELL * num_bins * num_values)
    return np.array(
        [[mutual_info_score(bins, column) for column in factors.T] for bins in bin_codes(codes, num_bins).T]
    )


def entropy(factors: Int[np.ndarray, "N F"]) -> Float[np.ndarray, " F"]:
    """H(v_f) in nats, from counts."""
    return np.array([mutual_info_score(column, column) for column in factors.T])


def bin_codes(codes: Float[np.ndarray, "N D"], num_bins: int) -> Int[np.ndarray, "N D"]:
    """Bin numbers, between the minimum and maximum of each dimension."""
    low, high = codes.min(0), codes.max(0)
    width = np.where(high > low, high - low, 1)
    return np.minimum(num_bins * (codes - low) / width, num_bins - 1).astype(int)
