"""SAP: whether each factor can be read off one dimension of the code alone."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import balanced_accuracy_score
from sklearn.tree import DecisionTreeClassifier

from vaelab.evaluation.enough import require

POINTS_PER_VALUE = 100


def separated_attribute_predictability(codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"]) -> float:
    """Mean over factors of the gap between the two dimensions that tell a factor best.

    A dimension is scored by the balanced accuracy of thresholds on it (Kumar et al. 2018, arXiv:1711.00848,
    section 3), as many as part the factor's K values: a decision tree of K leaves. They are found on the first half
    of the points and asked about the second. Chance counts as 0 in place of 1/K, so that a perfect code has 1. The
    linear classifiers of Locatello et al. 2019 (arXiv:1811.12359) cannot tell the middle one of three values on a
    line, so that no code would have 1.
    """
    num_values = max(len(np.unique(column)) for column in factors.T)
    require("sap", len(codes), 2 * POINTS_PER_VALUE * num_values)
    second, first = np.sort([[predictability(code, factor) for factor in factors.T] for code in codes.T], axis=0)[-2:]
    return float((first - second).mean())


def predictability(code: Float[np.ndarray, " N"], factor: Int[np.ndarray, " N"]) -> float:
    """Balanced accuracy on the second half of thresholds from the first: 1 at best, 0 by chance."""
    learned, asked = np.array_split(np.arange(len(code)), 2)
    tree = DecisionTreeClassifier(max_leaf_nodes=len(np.unique(factor)), class_weight="balanced", random_state=0)
    tree.fit(code[learned, None], factor[learned])
    return float(balanced_accuracy_score(factor[asked], tree.predict(code[asked, None]), adjusted=True))
