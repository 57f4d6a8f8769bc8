"""KL divergences, one per latent dimension."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence
from typing_extensions import TypeIs

from vaelab.distribution.one_hots import OneHots
from vaelab.distribution.product import Product


def kl_per_dimension(q: Distribution, p: Distribution) -> Float[Tensor, "B G"] | None:
    """KL(q_d || p_d) in nats for each example and latent dimension, where there is a closed form.

    One for each variable where a variable takes several elements of z. All dimensions together, [B, 1], where q
    or p does not factorise over them; None where no formula is known for the pair.
    """
    if isinstance(q, Product) and isinstance(p, Product):
        parts = [kl_per_dimension(*pair) for pair in zip(q.parts, p.parts, strict=True)]
        known = [part.expand(*q.batch_shape, -1) for part in parts if part is not None]
        return torch.cat(known, -1) if len(known) == len(parts) else None
    if isinstance(q, OneHots) and isinstance(p, OneHots):
        return kl_divergence(q.choices, p.choices)
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
