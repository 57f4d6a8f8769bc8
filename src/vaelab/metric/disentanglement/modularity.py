"""Modularity: whether each dimension of the code depends on one factor only."""

import numpy as np
from jaxtyping import Float, Int

from vaelab.metric.disentanglement.factor_information import factor_information


def modularity(codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], num_bins: int) -> float:
    """Mean over dimensions of 1 - sum_{f != 1st} I(z_d; v_f)^2 / ((F - 1) I(z_d; v_1st)^2).

    1st is the factor with the largest I(z_d; v)          (Ridgeway & Mozer 2018, arXiv:1802.05312, section 4.1). All
    dimensions count: one without information has 0, and one with hardly any contributes noise, as in the code of
    Locatello et al. 2019 (arXiv:1811.12359).
    """
    squares = factor_information(codes, factors, num_bins, "modularity") ** 2
    first = squares.max(1)
    others = squares.sum(1) - first
    deviation = np.divide(others, first * (squares.shape[1] - 1), out=np.ones_like(first), where=first > 0)
    return float(1 - deviation.mean())
