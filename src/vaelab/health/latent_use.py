"""Does z say anything of x, and does the decoder listen?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.latent.structure import LatentStructure
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Terms


class Shuffled(Metric):
    """Mean over all examples of all processes of what a wrong z costs and of the rate, in nats per example.

    `is_bound` says whether the rate is one, as of a posterior without a density it is not.
    """

    full_state_update = False
    num: Tensor
    cost: Tensor
    rate: Tensor
    num_unbound: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "cost", "rate", "num_unbound"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, own: Float[Tensor, " B"], other: Float[Tensor, " B"], terms: Terms) -> None:
        """log p(x|z) at a z of x, and at that of another example."""
        self.num += len(own)
        self.cost += (own.double() - other.double()).sum()
        self.rate += terms.kl.double().sum()
        self.num_unbound += not terms.is_bound

    def compute(self) -> tuple[float | None, float | None]:
        """The cost, and the rate where it is one; neither where no example had another's z."""
        if not self.num:
            return None, None
        return float(self.cost / self.num), None if self.num_unbound else float(self.rate / self.num)


@dataclass(frozen=True)
class LatentUse:
    """How many nats of distortion it costs to hand each example the z of another, at least `min_nats`.

    Where z decides nothing, the posterior has collapsed (Bowman et al. 2016, arXiv:1511.06349, section 3.1) or
    the decoder has another source, such as y, which every example keeps. A rate below `min_rate` is a collapse too:
    so few nats tell so few kinds of x apart. The order of a validation split is random: within a chunk, each
    example gets the z of the one before it.
    """

    min_nats: NonNegativeFloat
    min_rate: NonNegativeFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context, shuffled = check_context.evaluation, check_context.evaluation.metric(Shuffled())
        latent = context.latent
        for chunk in context.chunks(shuffled):
            x, y, _ = chunk.batch
            if len(x) == 1:  # there is no other example
                continue
            with context.seeded("shuffled", chunk.number):
                terms = latent(chunk.batch)
            z = sample_code(latent, terms)
            own, other = (latent.decode(code, y).log_prob(x) for code in (z, z.roll(1, 0)))
            shuffled.update(own, other, terms)
        nats, rate = shuffled.compute()
        if nats is None:
            return not_applicable("use of z", f"chunks of data.chunk={context.data.chunk} have no other example's z")
        fact = f"another example's z costs {nats:.2f} nats"
        if rate is not None:
            fact = f"{fact}, its own has a rate of {rate:.2f}"
        fine = nats >= self.min_nats and (rate is None or rate >= self.min_rate)
        way_out = "z is collapsed or ignored: lower objective.beta, or anneal the KL term (kl_annealing)"
        return pass_or_fail("use of z", fine, nats, "nats", fact, way_out)


def sample_code(latent: LatentStructure, terms: Terms) -> Float[Tensor, "B D"]:
    """The first sample of each posterior, as `decode` takes it: of a hierarchy, all levels side by side."""
    return latent.join_levels(terms.latents)[0]
