"""ELBO, rate and distortion, without any control."""

import torch
from torch import Tensor
from torchmetrics import Metric

from vaelab.terms import Terms


class Evidence(Metric):
    """Means over all examples of all processes, in nats per example, from sums in float64.

    elbo = E_q[log p(x|z)] - KL(q(z|x) || p(z)) = -distortion - rate

    and the means of those figures of the terms that belong to each example. `is_bound` says whether the number
    called elbo bounds log p(x) from below.
    """

    full_state_update = False
    num: Tensor
    rate: Tensor
    distortion: Tensor
    figures: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.is_bound = True
        self.names: list[str] = []
        for name in ("num", "rate", "distortion"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, terms: Terms) -> None:
        self.is_bound = terms.is_bound
        self.num += terms.kl.shape[0]
        self.rate += terms.kl.double().sum()
        self.distortion -= terms.log_px.double().mean(0).sum()
        each = {name: value for name, value in terms.figures.items() if value.dim()}
        if each and not self.names:
            self.names = list(each)
            zeros = torch.zeros(len(each), dtype=torch.float64, device=terms.kl.device)
            self.add_state("figures", zeros, dist_reduce_fx="sum")
        if each:
            self.figures += torch.stack([value.double().sum() for value in each.values()])

    def compute(self) -> tuple[dict[str, Tensor], int]:
        """The means, and the number of examples behind them."""
        rate, distortion = self.rate / self.num, self.distortion / self.num
        figures = dict(zip(self.names, self.figures / self.num, strict=True)) if self.names else {}
        return {"elbo": -distortion - rate, "rate": rate, "distortion": distortion, **figures}, int(self.num)
