"""Classification accuracy of a model that infers labels."""

from dataclasses import dataclass

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.moments import Moments


@dataclass(frozen=True)
class LabelAccuracy:
    """`accuracy`: share of examples whose most likely label under q(y | x) is correct.

    A model that does not infer labels gets no measurement.
    """

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        if not context.latent.infers_labels:
            return []
        moments = context.metric(Moments(["accuracy"]))
        for chunk in context.chunks(moments):
            assert chunk.batch.y is not None, "a model that classifies was built from labels"
            likeliest = context.latent.classify(chunk.batch.x).argmax(1)
            moments.update({"accuracy": likeliest == chunk.batch.y})
        summary = moments.compute()
        return [Measurement("accuracy", float(summary.mean("accuracy")), "share of examples", summary.num)]
