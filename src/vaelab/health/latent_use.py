"""Does z carry information on x, and does the decoder use it?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.latent.structure import LatentStructure
from vaelab.metric.moments import Moments
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Terms


@dataclass(frozen=True)
class LatentUse:
    """The increase of distortion, in nats, if each example is decoded from the z of another.

    If it is near 0, the posterior has collapsed (Bowman et al. 2016, arXiv:1511.06349, section 3.1) or the decoder uses
    another input, such as y, which every example keeps. A very low rate is a collapse too. The order of a validation
    split is random: within a chunk, each example gets the z of the one before it.

    Args:
        min_nats: smallest increase that passes, in nats, >= 0.
        min_rate: smallest rate that passes, in nats, >= 0.
    """

    min_nats: NonNegativeFloat
    min_rate: NonNegativeFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context = check_context.evaluation
        moments = context.metric(Moments(["cost", "rate", "is_bound"]))
        latent = context.latent
        for chunk in context.chunks(moments):
            x, y, _ = chunk.batch
            if len(x) == 1:  # there is no other example
                continue
            with context.seeded("shuffled", chunk.number):
                terms = latent(chunk.batch)
            z = sample_code(latent, terms)
            own, other = (latent.decode(code, y).log_prob(x) for code in (z, z.roll(1, 0)))
            cost, kl = own.double() - other.double(), terms.kl.double().sum(1)
            moments.update({"cost": cost, "rate": kl, "is_bound": torch.full_like(kl, terms.is_bound)})
        summary = moments.compute()
        if not summary.num:
            return not_applicable("use of z", f"chunks of data.chunk={context.data.chunk} have no other example's z")
        nats, rate = float(summary.mean("cost")), float(summary.mean("rate"))
        has_rate = bool(summary.mean("is_bound") == 1)
        fact = f"another example's z costs {nats:.2f} nats"
        if has_rate:
            fact = f"{fact}, its own has a rate of {rate:.2f}"
        fine = nats >= self.min_nats and (not has_rate or rate >= self.min_rate)
        way_out = "z is collapsed or ignored: lower objective.beta, or anneal the KL term (kl_annealing)"
        return pass_or_fail("use of z", fine, nats, "nats", fact, way_out)


def sample_code(latent: LatentStructure, terms: Terms) -> Float[Tensor, "B D"]:
    """The first sample of each posterior [B, D], as `decode` takes it: all levels of a hierarchy concatenated."""
    return latent.join_levels(terms.latents)[0]
