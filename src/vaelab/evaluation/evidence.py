"""ELBO, rate and distortion, without any control."""

import torch
from torch import Tensor
from torchmetrics import Metric

from vaelab.terms import Terms


class Evidence(Metric):
    """Means over all examples of all processes, in nats per example, from sums in float64.

    elbo = E_q[log p(x|z)] - KL(q(z|x) || p(z)) = -distortion - rate
    """

    full_state_update = False
    num: Tensor
    rate: Tensor
    distortion: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "rate", "distortion"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, terms: Terms) -> None:
        self.num += terms.kl.shape[0]
        self.rate += terms.kl.double().sum()
        self.distortion -= terms.log_px.double().mean(0).sum()

    def compute(self) -> tuple[dict[str, Tensor], int]:
        """The means, and the number of examples behind them."""
        rate, distortion = self.rate / self.num, self.distortion / self.num
        return {"elbo": -distortion - rate, "rate": rate, "distortion": distortion}, int(self.num)
