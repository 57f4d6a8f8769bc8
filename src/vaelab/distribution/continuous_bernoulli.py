"""The continuous Bernoulli, exact for every logit.

torch's class clamps the probability, so that in float32 its normalizer is wrong for logits beyond about 16.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

SMALL = 0.5  # |logit| below which a series is more accurate


class ContinuousBernoulli(Distribution):
    """p(x) = exp(a x) a / (exp(a) - 1) for x in [0, 1], with logit a = log(l / (1 - l)).

    Proportional to l^x (1 - l)^(1 - x)      (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845)

    Args:
        logits: a, of any shape.
        validate_args: as in torch.
    """

    arg_constraints = {"logits": constraints.real}  # noqa: RUF012
    support = constraints.unit_interval
    has_rsample = False

    def __init__(self, logits: Float[Tensor, "*shape"], validate_args: bool | None = None) -> None:
        self.logits = logits
        super().__init__(logits.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        near = self.logits.abs() < SMALL
        a = self.logits.where(near, 0)
        series = 0.5 + a / 12 - a**3 / 720 + a**5 / 30240
        a = self.logits.where(~near, 1)
        return torch.where(near, series, -1 / torch.expm1(-a) - 1 / a)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        # The inverse cdf for negative logits, mirrored for positive ones, where it would overflow.
        a = self.logits.abs().clamp(min=1e-4)
        falling = (-torch.log1p(u * torch.expm1(-a)) / a).clamp(0, 1)
        return torch.where(self.logits > 0, 1 - falling, falling)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return self.logits * value - log_partition(self.logits)


def log_partition(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """log of the integral of exp(a x) over [0, 1], which is log((exp(a) - 1) / a), and 0 at a = 0."""
    near = logits.abs() < SMALL
    # Each branch gets only its own logits: elsewhere its gradient would be inf, and 0 * inf is NaN.
    a = logits.where(near, 0)
    h2 = (a / 2).square()
    series = a / 2 + h2 / 6 - h2**2 / 180 + h2**3 / 2835  # a/2 + log(sinh(a/2) / (a/2))
    a = logits.where(~near, 1).abs()
    far = logits.relu() + torch.log(-torch.expm1(-a)) - a.log()
    return torch.where(near, series, far)
