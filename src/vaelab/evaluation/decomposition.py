"""The rate of a trained model in three parts."""

import math
from dataclasses import dataclass

from torch.distributions import Normal

from vaelab.distribution.operations import factorises
from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.metric.decomposition import Decomposition
from vaelab.ranges import PositiveInt
from vaelab.terms import Terms


@dataclass(frozen=True)
class RateDecomposition:
    """`mutual_information`, `total_correlation` and `dimension_kl`, which add up to the rate, in nats.

    Also `total_correlation/gaussian`, whose value is not bounded by the number of examples. The model must have one
    latent with a diagonal Gaussian posterior.

    Args:
        chunk: samples that are compared with the posteriors of all examples at a time; bounds the memory.
    """

    chunk: PositiveInt

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        decomposition = context.metric(Decomposition(self.chunk))
        add(
            decomposition, context.latent(context.dummy_batch()), 0
        )  # a process with an empty list state would skip the gather
        for chunk in context.chunks(decomposition):
            with context.seeded(chunk.number):
                add(decomposition, context.latent(chunk.batch), len(chunk.batch.x))
        parts, num = decomposition.compute()
        units = dict.fromkeys(parts, "nats")
        units["mutual_information"] = f"nats, an estimate of at most log {num} = {math.log(num):.2f}"
        return [Measurement(name, float(value), units[name], num, num_samples=1) for name, value in parts.items()]


def add(decomposition: Decomposition, terms: Terms, num: int) -> None:
    """Add the first `num` examples; raises UserError unless the posterior is one diagonal Gaussian latent."""
    posterior = terms.posterior
    if not (factorises(posterior) and isinstance(posterior.base_dist, Normal) and len(terms.latents) == 1):
        raise UserError(
            "total_correlation needs one latent with a diagonal Gaussian posterior; "
            "set latent=single posterior=diagonal_gaussian"
        )
    some = Normal(posterior.base_dist.loc[:num], posterior.base_dist.scale[:num], validate_args=False)
    decomposition.update(terms.latents[0][0, :num], some, terms.log_pz[0, :num])
