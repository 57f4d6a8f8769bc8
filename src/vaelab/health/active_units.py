"""Does the code say anything, in more than a few of its dimensions?"""

from dataclasses import dataclass

from torch import Tensor

from vaelab.evaluation.active_units import ActiveUnits, code_size
from vaelab.evaluation.codebook_use import CodebookUse
from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, pass_or_fail
from vaelab.ranges import Fraction, NonNegativeFloat

NAME = "active units"


class CodeVariance(ActiveUnits):
    """Var_x(E_q[z_d | x]) of each dimension d, over all examples of all processes, [D]."""

    def compute(self) -> Tensor:
        return self.squares / self.num - (self.total / self.num).square()


@dataclass(frozen=True)
class ActiveDimensions:
    """The share of latent dimensions whose posterior mean varies by more than `threshold`, at least `min_share`.

    Burda et al. 2016, arXiv:1509.00519, section 4.2. A codebook has codes in the place of dimensions, and its
    share is the perplexity of the codes over their number, at least `min_share_of_codes`.
    """

    threshold: NonNegativeFloat
    min_share: Fraction
    min_share_of_codes: Fraction

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context = check_context.evaluation
        codebook = context.latent.codebook
        if codebook is not None:
            (measurement,) = CodebookUse()(context)
            share = measurement.value / codebook.num_codes
            fact, way_out = f"{measurement.value:.1f} codes are in use", "set fewer codes, codebook.num_codes"
            return pass_or_fail(NAME, share >= self.min_share_of_codes, share, "of codes", fact, way_out)
        variance = code_variance(check_context)
        count, num = int((variance > self.threshold).sum()), len(variance)
        fact = f"the codes of different x differ in {count} of {num} dimensions"
        way_out = "lower objective.beta, anneal the KL term (kl_annealing), or set a smaller latent_dim"
        return pass_or_fail(NAME, count / num >= self.min_share, count / num, "of units", fact, way_out)


def code_variance(check_context: CheckContext) -> Tensor:
    """How much each dimension of the code varies over x, [D]."""
    context = check_context.evaluation
    variance = context.metric(CodeVariance(code_size(context)))
    for chunk in context.chunks(variance):
        variance.update(context.latent.encode(chunk.batch.x, chunk.batch.y))
    return variance.compute().reshape(-1)  # of one dimension torchmetrics makes a number
