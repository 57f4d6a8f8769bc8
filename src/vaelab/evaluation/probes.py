"""Accuracy of simple classifiers trained on codes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaelab.errors import UserError
from vaelab.evaluation.codes import codes_of
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.ranges import PositiveInt


@dataclass(frozen=True)
class Probes:
    """`probe/knn<k>` and `probe/linear`: test accuracy of classifiers trained on posterior means of training examples.

    k nearest neighbours of the codes, and multinomial logistic regression of the standardized codes
    (Alain & Bengio 2016, arXiv:1610.01644). Data with fewer than two classes get no measurement.

    Args:
        num_neighbors: k of the nearest-neighbour classifier.
        max_examples: largest number of training examples.
    """

    num_neighbors: PositiveInt
    max_examples: PositiveInt

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        if context.data.num_classes < 2:
            return []
        context.data.training()
        train, test = codes_of(context, "train", self.max_examples), codes_of(context, context.split)
        if len(train[0]) < self.num_neighbors:
            raise UserError(
                f"evaluation.probes.num_neighbors={self.num_neighbors} is more than the {len(train[0])} training "
                "examples; set it lower"
            )
        probes: dict[str, Callable[[], Any]] = {
            f"probe/knn{self.num_neighbors}": lambda: KNeighborsClassifier(self.num_neighbors, algorithm="brute"),
            "probe/linear": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        }
        (code, y), (test_code, test_y) = ((one.cpu().numpy(), two.cpu().numpy()) for one, two in (train, test))
        shares = {name: probe().fit(code, y).score(test_code, test_y) for name, probe in probes.items()}
        return [Measurement(name, float(share), "share of examples", len(test_y)) for name, share in shares.items()]
