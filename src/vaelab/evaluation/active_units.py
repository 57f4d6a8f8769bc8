"""Number of active latent dimensions."""

from dataclasses import dataclass

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.moments import Moments, Summary
from vaelab.ranges import NonNegativeFloat


@dataclass(frozen=True)
class Activity:
    """`active_units`, the number of dimensions d with Var_x(E_q[z_d | x]) > threshold.

    Burda et al. 2016, arXiv:1509.00519, section 4.2 and appendix; their threshold is 0.01.

    Args:
        threshold: variance above which a dimension is active, >= 0.
    """

    threshold: NonNegativeFloat

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        summary = summarize_codes(context)
        variance = summary.variance("code")
        count = (variance > self.threshold).sum() + 0 * variance.sum()  # NaN where a code is
        return [Measurement("active_units", float(count), f"of {variance.numel()} dimensions", summary.num)]


def summarize_codes(context: EvaluationContext) -> Summary:
    """Moments of the posterior means, "code" [D], over the examples of the split."""
    moments = context.metric(Moments(["code"], [code_size(context)]))
    for chunk in context.chunks(moments):
        moments.update({"code": context.latent.encode(chunk.batch.x, chunk.batch.y)})
    return moments.compute()


def code_size(context: EvaluationContext) -> int:
    """D, the number of elements of a code."""
    x, y, _ = context.dummy_batch()
    return context.latent.encode(x, y).shape[1]
