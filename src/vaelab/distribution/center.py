"""The one point that stands for a whole distribution."""

from functools import singledispatch

from torch import Tensor
from torch.distributions import Distribution


@singledispatch
def center(distribution: Distribution) -> Tensor:
    """The mean, [*batch, *event]; a distribution whose mean has no formula registers what stands for it."""
    return distribution.mean
