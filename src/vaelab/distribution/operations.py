"""What is asked of every distribution over latents; each kind registers its own answer."""

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
    """The point [*batch, *event] that stands for a distribution: its mean, or what it registers instead."""
    return distribution.mean


@singledispatch
def with_temperature(distribution: Distribution, temperature: float) -> Distribution:
    """The distribution with its spread multiplied by temperature; 1 leaves it as it is.

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

    False for a point, and for a distribution that draws from another one while it learns.
    """
    return True


@has_importance_weights.register
def _(distribution: Independent) -> bool:
    return has_importance_weights(distribution.base_dist)


def rsample_and_log_prob(distribution: Distribution, sample_shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Reparameterized samples [*S, *B, D] and their log-densities [*S, *B] in nats.

    Together, because an inverse autoregressive flow knows the density of what it has just drawn, but needs D
    passes for that of any other point (Kingma et al. 2016, arXiv:1606.04934, section 3). A distribution that
    can do so has a method of this name, as zuko's flows do.
    """
    if hasattr(distribution, "rsample_and_log_prob"):
        z, log_prob = distribution.rsample_and_log_prob(sample_shape)
        return z, log_prob
    z = distribution.rsample(sample_shape)
    return z, distribution.log_prob(z)


@singledispatch
def kl_per_dimension(q: Distribution, p: Distribution) -> Float[Tensor, "B G"] | None:
    """KL(q_d || p_d) in nats for each example and latent dimension, where there is a closed form.

    One for each variable where a variable takes several elements of z. All dimensions together, [B, 1], where q
    or p does not factorise over them; None where no formula is known for the pair.
    """
    try:
        if not (factorises(q) and factorises(p)):
            return kl_divergence(q, p).unsqueeze(-1)
        assert q.event_shape == p.event_shape, f"posterior over {q.event_shape}, prior over {p.event_shape}"
        shape = torch.broadcast_shapes(q.base_dist.batch_shape, p.base_dist.batch_shape)
        # Not every formula in torch broadcasts by itself: Bernoulli's does not.
        return kl_divergence(q.base_dist.expand(shape), p.base_dist.expand(shape))
    except NotImplementedError:
        return None


def factorises(distribution: Distribution) -> TypeIs[Independent]:
    """Whether the dimensions of the event are independent of each other."""
    return isinstance(distribution, Independent) and distribution.reinterpreted_batch_ndims == 1


def bounded_log_scale(raw: Float[Tensor, "*shape"], bound: float = 7.0) -> Float[Tensor, "*shape"]:
    """b tanh(raw / b): close to raw where |raw| is well below b, and never beyond it.

    A clamp would stop the gradient at its edge and strand a scale there; this one always leads back.
    """
    return bound * (raw / bound).tanh()
