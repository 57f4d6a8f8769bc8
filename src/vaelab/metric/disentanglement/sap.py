"""SAP: whether each factor can be predicted from one dimension of the code only."""

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
Predictability = Callable[[Column, Labels, Column, Labels], float]  # training code and labels, test code and labels


def separated_attribute_predictability(
    codes: Float[np.ndarray, "N D"], factors: Int[np.ndarray, "N F"], predictability: Predictability
) -> float:
    """Mean over factors of the gap between the two dimensions that predict a factor best.

    Kumar et al. 2018, arXiv:1711.00848, section 3. `predictability` scores one dimension; it is trained on the first
    half of the points and tested on the second.
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
    """Accuracy of a linear support vector machine, C = 0.01, with balanced class weights.

    As in the code of Locatello et al. 2019 (arXiv:1811.12359), which published tables use. In one dimension, its
    one-versus-rest classifiers cannot separate the middle of three values, so that a perfect code of dSprites has at
    most 0.25.
    """
    machine = LinearSVC(C=0.01, class_weight="balanced", dual=False)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        machine.fit(code[:, None], factor)
    return float(machine.score(other[:, None], expected))


def threshold_accuracy(min_scale: float) -> Predictability:
    """Balanced accuracy of K - 1 thresholds for the factor's K values: a decision tree of K leaves.

    As in Kumar et al. 2018 for categorical factors: thresholds are fitted to the points that are scored, so that noise
    gets more than 1/K. Dimensions with a standard deviation below `min_scale` have 0.
    """

    def accuracy(code: Column, factor: Labels, other: Column, expected: Labels) -> float:
        if other.std() < min_scale:
            return 0.0
        return float(balanced_accuracy_score(expected, predict(other, expected, other)))

    return accuracy


def adjusted_accuracy(code: Column, factor: Labels, other: Column, expected: Labels) -> float:
    """`threshold_accuracy` on test points, rescaled so that chance is 0 and a perfect code 1. vaelab's own."""
    return float(balanced_accuracy_score(expected, predict(code, factor, other), adjusted=True))


def predict(code: Column, factor: Labels, other: Column) -> Labels:
    """The values that thresholds on a code predict."""
    tree = DecisionTreeClassifier(max_leaf_nodes=len(np.unique(factor)), class_weight="balanced", random_state=0)
    return tree.fit(code[:, None], factor).predict(other[:, None])
