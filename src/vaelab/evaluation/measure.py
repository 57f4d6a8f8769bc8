"""The interface of a measure."""

from typing import Protocol

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement


class Measure(Protocol):
    """Computes measurements of a trained model.

    Returns [] if the measure does not apply to the model. Raises UserError if the model or the data lack something that
    it needs. An exception on one process skips the measure on all of them: pool values only by `context.metric`,
    `context.rank_zero_first` or vaelab.distributed.sharding.
    """

    def __call__(self, context: EvaluationContext) -> list[Measurement]: ...
