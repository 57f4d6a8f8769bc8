"""The distribution of a constant."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaelab.distribution.operations import has_importance_weights

NO_SHAPE = torch.Size()


class Point(Distribution):
    """delta(z - value), for value [*batch, D]: the posterior of an encoder without noise.

    `log_prob` is that of a discrete z, 0 at the point. A continuous z has no density there, and then no
    bound on log p(x) follows.
    """

    arg_constraints: ClassVar = {"value": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, value: Float[Tensor, "*B D"]) -> None:
        self.value = value
        super().__init__(value.shape[:-1], value.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Float[Tensor, "*B D"]:
        return self.value

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        return self.value.expand(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.where((value == self.value).all(-1), 0.0, -torch.inf)


@has_importance_weights.register
def _(distribution: Point) -> bool:
    return False
