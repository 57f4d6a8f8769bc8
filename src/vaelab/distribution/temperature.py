"""Sharper or blunter versions of a distribution, to sample from."""

from functools import singledispatch

from torch.distributions import Distribution, Independent, Normal

from vaelab.distribution.joint import Joint
from vaelab.errors import UserError


@singledispatch
def tempered(distribution: Distribution, temperature: float) -> Distribution:
    """The distribution with its spread multiplied by temperature; 1 leaves it as it is.

    A distribution that has such a notion registers it: `@tempered.register`.
    """
    if temperature == 1:
        return distribution
    raise UserError(
        f"temperature={temperature} needs a distribution with a scale, but {type(distribution).__name__} "
        "has none; set temperature=1 or choose a Gaussian prior"
    )


@tempered.register
def _(distribution: Independent, temperature: float) -> Distribution:
    base = tempered(distribution.base_dist, temperature)
    return Joint(base, distribution.reinterpreted_batch_ndims, validate_args=False)


@tempered.register
def _(distribution: Normal, temperature: float) -> Distribution:
    return Normal(distribution.loc, distribution.scale * temperature, validate_args=False)
