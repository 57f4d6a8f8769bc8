"""Are residuals as large as p(x|z) expects?"""

from dataclasses import dataclass

import torch

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import PASSED, CheckResult, pass_or_fail
from vaelab.metric.moments import Moments
from vaelab.ranges import NonNegativeFloat, PositiveFloat

NAME = "likelihood"


@dataclass(frozen=True)
class LikelihoodScale:
    """The size of residuals of x relative to those that p(x|z) expects: 1 if p(x|z) is right.

        sqrt(sum (x - m)^2 / sum (x~ - m)^2), m the mean of p(x|z) at the code of x, x~ drawn from it

    A posterior predictive check (Gelman et al. 1996, Statistica Sinica 6). One draw for each x replaces the
    variance, for which not every p(x|z) has a formula. FixedGaussian of scale 1 on pixels in [0, 1] is far below 1.

    Args:
        low: smallest ratio that passes, >= 0.
        high: largest ratio that passes, > 0.
    """

    low: NonNegativeFloat
    high: PositiveFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context = check_context.evaluation
        moments = context.metric(Moments(["data", "draws", "is_density"]))
        latent = context.latent
        for chunk in context.chunks(moments):
            x, y, _ = chunk.batch
            p = latent.decode(latent.encode(x, y), y)
            with context.seeded("residuals", chunk.number):
                sample = p.sample()
            data, draws = ((each - p.mean).double().square().flatten() for each in (x, sample))
            is_density = torch.full_like(data, latent.likelihood.is_density(x))
            moments.update({"data": data, "draws": draws, "is_density": is_density})
        summary = moments.compute()
        ratio = float((summary.sums["data"] / summary.sums["draws"]).sqrt())
        if summary.mean("is_density") < 1:
            return CheckResult(
                NAME, PASSED, "grey pixels make it a pseudo-likelihood, published as bce and never as nll"
            )
        fact = f"x lies {ratio:.2g} times as far from its reconstruction as p(x|z) expects"
        way_out = "let the scale be learned: likelihood=gaussian_learned, or set likelihood.scale"
        return pass_or_fail(NAME, self.low <= ratio <= self.high, ratio, "× expected", fact, way_out)
