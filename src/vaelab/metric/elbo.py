"""ELBO, rate and distortion, without any control."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.terms import Terms


class Means(NamedTuple):
    """Means over `num` examples by name, in nats per example, and their standard errors.

    `is_bound` says whether elbo is a lower bound on log p(x).
    """

    values: dict[str, Tensor]
    errors: dict[str, Tensor]
    num: int
    is_bound: bool

    @property
    def publishable(self) -> dict[str, Tensor]:
        """The means without elbo and rate if elbo is not a bound."""
        return {name: value for name, value in self.values.items() if self.is_bound or name not in ("elbo", "rate")}


class ELBOMetric(Metric):
    """Means over all examples of all processes, in nats per example, summed in float64, with standard errors.

    elbo = E_q[log p(x|z)] - KL(q(z|x) || p(z)) = -distortion - rate

    and the means of per-example diagnostics of the terms.
    """

    full_state_update = False
    num: Tensor
    rate: Tensor
    distortion: Tensor
    squares: Tensor
    diagnostics: Tensor
    diagnostic_squares: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.is_bound = True
        self.names: list[str] = []
        for name in ("num", "rate", "distortion"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("squares", torch.zeros(3, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, terms: Terms) -> None:
        self.is_bound = terms.is_bound
        self.num += terms.kl.shape[0]
        self.rate += terms.kl.double().sum()
        self.distortion -= terms.log_px.double().mean(0).sum()
        rate, distortion = terms.kl.double().sum(1), -terms.log_px.double().mean(0)
        self.squares += torch.stack([-distortion - rate, rate, distortion]).square().sum(1)
        self.update_diagnostics({name: value.double() for name, value in terms.diagnostics.items() if value.dim()})

    def update_diagnostics(self, each: dict[str, Float[Tensor, " B"]]) -> None:
        """Add per-example diagnostics."""
        if not each:
            return
        sums = torch.stack([value.sum() for value in each.values()])
        if not self.names:
            self.names = list(each)
            for name in ("diagnostics", "diagnostic_squares"):
                self.add_state(name, torch.zeros_like(sums), dist_reduce_fx="sum")
        self.diagnostics += sums
        self.diagnostic_squares += torch.stack([value.square().sum() for value in each.values()])

    def compute(self) -> Means:
        """The means, their errors, and the number of examples."""
        rate, distortion = self.rate / self.num, self.distortion / self.num
        names, means, squares = ["elbo", "rate", "distortion"], [-distortion - rate, rate, distortion], self.squares
        if self.names:
            names, means = [*names, *self.names], [*means, *(self.diagnostics / self.num)]
            squares = torch.cat([squares, self.diagnostic_squares])
        variances = (squares / self.num - torch.stack(means).square()).clamp(min=0) / (self.num - 1).clamp(min=1)
        errors = dict(zip(names, variances.sqrt(), strict=True))
        return Means(dict(zip(names, means, strict=True)), errors, int(self.num), self.is_bound)
