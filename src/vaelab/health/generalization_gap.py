"""Does the model overfit its training examples?"""

from dataclasses import dataclass

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.metric.moments import Moments
from vaelab.ranges import NonNegativeFloat


@dataclass(frozen=True)
class GeneralizationGap:
    """Mean ELBO of training examples minus that of as many validation examples, in standard deviations.

    The unit is the standard deviation of the ELBO over validation examples: unlike a share of the ELBO, it does not
    depend on the unit of x or the zero of a log-density.

    Args:
        max_gap: largest gap that passes, in standard deviations, >= 0.
    """

    max_gap: NonNegativeFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        num = min(check_context.evaluation.size(split) for split in ("train", "validation"))
        train, _ = elbo_moments(check_context, "train", num)
        validation, deviation = elbo_moments(check_context, "validation", num)
        if deviation == 0:
            return not_applicable("train/validation gap", f"{num} validation examples do not differ in their ELBO")
        gap = (train - validation) / deviation
        fact = f"ELBO {train:.2f} in training, {validation:.2f} in validation"
        way_out = "set smaller networks, fewer trainer.max_epochs, or use more data"
        return pass_or_fail("train/validation gap", gap <= self.max_gap, gap, "deviations", fact, way_out)


def elbo_moments(check_context: CheckContext, split: str, num: int) -> tuple[float, float]:
    """Mean and standard deviation, in nats, of the ELBO over the first `num` examples of a split."""
    context, moments = check_context.evaluation, check_context.evaluation.metric(Moments(["elbo"]))
    for chunk in context.chunks(moments, split, num):
        with context.seeded("gap", split, chunk.number):
            terms = context.latent(chunk.batch)
        moments.update({"elbo": terms.log_px.double().mean(0) - terms.kl.double().sum(1)})
    summary = moments.compute()
    return float(summary.mean("elbo")), float(summary.variance("elbo").sqrt())
