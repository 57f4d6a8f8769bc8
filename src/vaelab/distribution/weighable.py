"""Whether importance weights can be made of a distribution's draws."""

from functools import singledispatch

from torch.distributions import Distribution, Independent


@singledispatch
def weighable(distribution: Distribution) -> bool:
    """Whether E_q[p(z) / q(z)] = 1, and its gradient that of the draws: log q is the density of what is drawn.

    A distribution that is no density, or that draws from another one while it learns, registers it.
    """
    return True


@weighable.register
def _(distribution: Independent) -> bool:
    return weighable(distribution.base_dist)
