"""Operations on distributions over latents, which each distribution can register."""

from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence
from typing_extensions import TypeIs

from vaelab.distribution.joint import Joint
from vaelab.errors import UserError


@singledispatch
def center(distribution: Distribution) -> Tensor:
    """A representative point [*batch, *event] of a distribution: its mean, or what it registers instead."""
    return distribution.mean


@singledispatch
def with_temperature(distribution: Distribution, temperature: float) -> Distribution:
    """The distribution with its spread multiplied by temperature; 1 changes nothing.

    Raises:
        UserError: it has no scale, and temperature is not 1.
    """
    if temperature == 1:
        return distribution
    raise UserError(
        f"temperature={temperature} needs a distribution with a scale, but {type(distribution).__name__} "
        "has none; set temperature=1 or choose a Gaussian prior"
    )


@with_temperature.register
def _(distribution: Independent, temperature: float) -> Distribution:
    base = with_temperature(distribution.base_dist, temperature)
    return Joint(base, distribution.reinterpreted_batch_ndims, validate_args=False)


@with_temperature.register
def _(distribution: Normal, temperature: float) -> Distribution:
    return Normal(distribution.loc, distribution.scale * temperature, validate_args=False)


@singledispatch
def has_importance_weights(distribution: Distribution) -> bool:
    """Whether E_q[p(z) / q(z)] = 1, and its gradient that of the draws: log q is the density of what is drawn.

    False for a point, and for a distribution whose training samples come from a relaxation.
    """
    return True


@has_importance_weights.register
def _(distribution: Independent) -> bool:
    return has_importance_weights(distribution.base_dist)


def rsample_and_log_prob(distribution: Distribution, sample_shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Reparameterized samples [*S, *B, D] and their log-densities [*S, *B] in nats.

    Together, because an inverse autoregressive flow gets the density of its own samples for free, but needs D passes
    for that of any other point (Kingma et al. 2016, arXiv:1606.04934, section 3). A distribution
    that can do so has a method of this name, as zuko's flows.
    """
    if hasattr(distribution, "rsample_and_log_prob"):
        z, log_prob = distribution.rsample_and_log_prob(sample_shape)
        return z, log_prob
    z = distribution.rsample(sample_shape)
    return z, distribution.log_prob(z)


@singledispatch
def kl_per_dimension(q: Distribution, p: Distribution) -> Float[Tensor, "B G"] | None:
    """KL(q_d || p_d) in nats for each example and latent dimension, in closed form.

    A variable of several elements of z has one KL. [B, 1], over all dimensions together, if q or p does not factorise;
    None if the pair has no closed form.
    """
    try:
        if not (factorises(q) and factorises(p)):
            return kl_divergence(q, p).unsqueeze(-1)
        assert q.event_shape == p.event_shape, f"posterior over {q.event_shape}, prior over {p.event_shape}"
        shape = torch.broadcast_shapes(q.base_dist.batch_shape, p.base_dist.batch_shape)
        # Not every formula in torch broadcasts: Bernoulli's does not.
        return kl_divergence(q.base_dist.expand(shape), p.base_dist.expand(shape))
    except NotImplementedError:
        return None


def factorises(distribution: Distribution) -> TypeIs[Independent]:
    """Whether the dimensions of the event are independent of each other."""
    return isinstance(distribution, Independent) and distribution.reinterpreted_batch_ndims == 1


def bounded_log_scale(raw: Float[Tensor, "*shape"], bound: float = 7.0) -> Float[Tensor, "*shape"]:
    """b tanh(raw / b): close to raw for |raw| well below b, and always within [-b, b].

    Unlike a clamp, it has a gradient everywhere, so that a scale at the bound can return.
    """
    return bound * (raw / bound).tanh()
