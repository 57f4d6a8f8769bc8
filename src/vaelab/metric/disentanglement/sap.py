"""SAP: whether each factor can be read off one dimension of the code alone."""

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from vaelab.metric.disentanglement.sample_size import require_points

POINTS_PER_VALUE = 100

Column = Float[np.ndarray, " N"]
Labels = Int[np.ndarray, " N"]
Predictability = Callable[[Column, Labels, Column, Labels], float]  # of a code to learn from, and of one to be tested


def separated_attribute_predictability(
    codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], predictability: Predictability
) -> float:
    """Mean over factors of the gap between the two dimensions that tell a factor best.

    Kumar et al. 2018, arXiv:1711.00848, section 3. `predictability` says how well: of a first half of the points to
    learn from, and of a second to be tested on.
    """
    num_values = max(len(np.unique(column)) for column in factors.T)
    require_points("sap", len(codes), 2 * POINTS_PER_VALUE * num_values)
    learned, asked = np.array_split(np.arange(len(codes)), 2)
    scores = [
        [predictability(code[learned], factor[learned], code[asked], factor[asked]) for factor in factors.T]
        for code in codes.T
    ]
    second, first = np.sort(scores, axis=0)[-2:]
    return float((first - second).mean())


def linear_accuracy(code: Column, factor: Labels, other: Column, expected: Labels) -> float:
    """Accuracy of a linear support vector machine, C = 0.01, its classes weighted by how rare they are.

    As in the code of Locatello et al. 2019 (arXiv:1811.12359), of which published tables are made. One value against
    the others, it cannot tell the middle one of three on a line, so that a perfect code of dSprites has no more
    than 0.25.
    """
    machine = LinearSVC(C=0.01, class_weight="balanced", dual=False)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        machine.fit(code[:, None], factor)
    return float(machine.score(other[:, None], expected))


def threshold_accuracy(min_scale: float) -> Predictability:
    """Balanced accuracy of thresholds, as many as part the factor's K values: a decision tree of K leaves.

    As Kumar et al. 2018 have it for factors that are categories: thresholds are fitted to the very points that are
    asked about, so that noise gets more than 1/K, and dimensions that stay below `min_scale` have 0.
    """

    def accuracy(code: Column, factor: Labels, other: Column, expected: Labels) -> float:
        if other.std() < min_scale:
            return 0.0
        return float(balanced_accuracy_score(expected, predict(other, expected, other)))

    return accuracy


def adjusted_accuracy(code: Column, factor: Labels, other: Column, expected: Labels) -> float:
    """The same of points that the thresholds have not seen, chance counted as 0: a perfect code has 1. vaelab's own."""
    return float(balanced_accuracy_score(expected, predict(code, factor, other), adjusted=True))


def predict(code: Column, factor: Labels, other: Column) -> Labels:
    """Values by thresholds on a code."""
    tree = DecisionTreeClassifier(max_leaf_nodes=len(np.unique(factor)), class_weight="balanced", random_state=0)
    return tree.fit(code[:, None], factor).predict(other[:, None])
