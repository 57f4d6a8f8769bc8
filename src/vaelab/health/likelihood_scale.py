"""Are reconstructions as far from x as p(x|z) believes?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import PASSED, CheckResult, pass_or_fail
from vaelab.ranges import NonNegativeFloat, PositiveFloat

NAME = "likelihood"


class Residuals(Metric):
    """Sums over all processes of squared distances from the mean of p(x|z): those of x, and of draws from it."""

    full_state_update = False
    of_data: Tensor
    of_draws: Tensor
    num_improper: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("of_data", "of_draws", "num_improper"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, x: Tensor, mean: Tensor, sample_code: Float[Tensor, "B *event"], proper: bool) -> None:
        self.of_data += (x - mean).double().square().sum()
        self.of_draws += (sample_code - mean).double().square().sum()
        self.num_improper += not proper

    def compute(self) -> tuple[float, bool]:
        """The root of the ratio of both sums, and whether log p(x|z) was that of a true density."""
        return float((self.of_data / self.of_draws).sqrt()), not self.num_improper


@dataclass(frozen=True)
class LikelihoodScale:
    """Residuals of x against those that p(x|z) expects, between `low` and `high`: 1 where p(x|z) is right.

        sqrt(sum (x - m)^2 / sum (x~ - m)^2), m the mean of p(x|z) at the code of x, x~ drawn from it

    A posterior predictive check (Gelman et al. 1996, Statistica Sinica 6). One draw for each x replaces the
    variance, which not every p(x|z) has a formula for. FixedGaussian of scale 1 on pixels in [0, 1] is far below 1.
    """

    low: NonNegativeFloat
    high: PositiveFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context, residuals = check_context.evaluation, check_context.evaluation.metric(Residuals())
        latent = context.latent
        for chunk in context.chunks(residuals):
            x, y, _ = chunk.batch
            p = latent.decode(latent.encode(x, y), y)
            with context.seeded("residuals", chunk.number):
                residuals.update(x, p.mean, p.sample(), latent.likelihood.is_density(x))
        ratio, proper = residuals.compute()
        if not proper:
            return CheckResult(
                NAME, PASSED, "grey pixels make it a pseudo-likelihood, published as bce and never as nll"
            )
        fact = f"x lies {ratio:.2g} times as far from its reconstruction as p(x|z) expects"
        way_out = "let the scale be learned: likelihood=gaussian_learned, or set likelihood.scale"
        return pass_or_fail(NAME, self.low <= ratio <= self.high, ratio, "× expected", fact, way_out)
