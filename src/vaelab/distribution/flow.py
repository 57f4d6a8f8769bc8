"""A base distribution transformed by an invertible map."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints
from zuko.distributions import NormalizingFlow

from vaelab.distribution.operations import center, with_temperature

NO_SHAPE = torch.Size()


class Flow(NormalizingFlow):
    """log p(z) = log p_base(f(z)) + log |det df/dz|, f being `transform`, z [*B, D].

    Rezende & Mohamed 2015, arXiv:1505.05770. zuko's, in float32 under mixed precision too: an autoregressive f runs
    its networks when it is called, and log-determinants in bfloat16 would be wrong in the third digit.
    """

    support = constraints.real_vector

    def log_prob(self, value: Tensor) -> Tensor:
        if not value.numel():  # zuko's reshapes fail on an empty batch
            return self.base.log_prob(value)
        with self._full_precision():
            log_prob: Tensor = super().log_prob(value)
            return log_prob

    def rsample(self, shape: torch.Size = NO_SHAPE) -> Tensor:
        return self.rsample_and_log_prob(shape)[0]

    def rsample_and_log_prob(self, shape: torch.Size = NO_SHAPE) -> tuple[Tensor, Tensor]:
        """z [*shape, *B, D] with log p(z), without computing the inverse of the transform."""
        u = self.base.rsample(shape)
        if not u.numel():
            return u, self.base.log_prob(u)
        with self._full_precision():
            z, log_det = self.transform.inv.call_and_ladj(u)
            return z, self.base.log_prob(u) - log_det

    def _full_precision(self) -> torch.autocast:
        return torch.autocast(center(self.base).device.type, enabled=False)


@torch.no_grad()
def init_at_identity_(transform: nn.Module) -> nn.Module:
    """Initialize one of zuko's transforms close to z = u, in place, so that a flow starts as its base.

    The last layer of each network is scaled by 0.01; at zero the layers before it would get no gradient.
    """
    for part in transform.modules():
        if isinstance(part, nn.Sequential):  # as zuko's networks are
            for parameter in part[-1].parameters():
                parameter.mul_(0.01)
    return transform


@center.register
def _(distribution: Flow) -> Tensor:
    """The image of the base's center; the mean has no formula."""
    with distribution._full_precision():
        u = center(distribution.base)
        return distribution.transform.inv(u) if u.numel() else u


@with_temperature.register
def _(distribution: Flow, temperature: float) -> Distribution:
    return Flow(distribution.transform, with_temperature(distribution.base, temperature))
