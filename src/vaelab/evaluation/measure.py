"""The interface of a measure."""

from typing import Protocol

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement


class Measure(Protocol):
    """One kind of evidence about a trained model.

    Raises UserError where a model or its data do not have it; a model that it does not concern gets no measurement.
    Whatever it raises on one process leaves it out on all: what it pools them by comes from `context.metric`,
    `context.rank_zero_first` or vaelab.distributed.sharding.
    """

    def __call__(self, context: EvaluationContext) -> list[Measurement]: ...
