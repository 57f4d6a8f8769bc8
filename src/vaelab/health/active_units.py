"""Does the posterior mean depend on x in enough of its dimensions?"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vaelab.evaluation.active_units import summarize_codes
from vaelab.evaluation.codebook_use import CodebookUse
from vaelab.evaluation.context import EvaluationContext
from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, pass_or_fail
from vaelab.ranges import Fraction, NonNegativeFloat

NAME = "active units"


@dataclass(frozen=True)
class ActiveDimensions:
    """The share of latent dimensions whose posterior mean varies over x.

    Burda et al. 2016, arXiv:1509.00519, section 4.2. For a codebook: the perplexity of the codes over their number.

    Args:
        threshold: variance of the posterior mean above which a dimension is active, >= 0.
        min_share: smallest share of active dimensions that passes, in [0, 1].
        min_share_of_codes: smallest share for a codebook, in [0, 1].
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
        variance = code_variance(context)
        count, num = int((variance > self.threshold).sum()), len(variance)
        fact = f"the codes of different x differ in {count} of {num} dimensions"
        way_out = "lower objective.beta, anneal the KL term (kl_annealing), or set a smaller latent_dim"
        return pass_or_fail(NAME, count / num >= self.min_share, count / num, "of units", fact, way_out)


def code_variance(context: EvaluationContext) -> Float[Tensor, " D"]:
    """Var_x(E_q[z_d | x]) of each dimension d."""
    return summarize_codes(context).variance("code").reshape(-1)  # torchmetrics squeezes a single element
