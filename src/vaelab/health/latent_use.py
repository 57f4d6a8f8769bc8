"""Does the decoder listen to z?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.health.examination import Examination
from vaelab.health.line import Line, judged


class Shuffled(Metric):
    """Mean over all examples of all processes of what a wrong code costs, in nats per example."""

    full_state_update = False
    num: Tensor
    cost: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "cost"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, own: Float[Tensor, " B"], other: Float[Tensor, " B"]) -> None:
        """log p(x|z) at the code of x, and at that of another example."""
        self.num += len(own)
        self.cost += (own.double() - other.double()).sum()

    def compute(self) -> float:
        return float(self.cost / self.num)


@dataclass(frozen=True)
class LatentUse:
    """How many nats of distortion it costs to hand each example the code of another, at least `min_nats`.

    Where z decides nothing, the posterior has collapsed (Bowman et al. 2016, arXiv:1511.06349, section 3.1) or
    the decoder has another source, such as y, which every example keeps. The order of a validation split is random:
    within a chunk, each example gets the code of the one before it.
    """

    min_nats: float

    def __call__(self, examination: Examination) -> Line:
        subject, shuffled = examination.subject, examination.subject.metric(Shuffled())
        latent = subject.latent
        for chunk in subject.chunks(shuffled):
            x, y, _ = chunk.batch
            z = latent.encode(x, y)
            shuffled.update(*(latent.decode(code, y).log_prob(x) for code in (z, z.roll(1, 0))))
        nats = shuffled.compute()
        fact = f"another example's z costs {nats:.2f} nats"
        way_out = "the decoder ignores z: lower objective.beta, or anneal the KL term (kl_annealing)"
        return judged("use of z", nats >= self.min_nats, nats, "nats", fact, way_out)
