"""KL divergences, one per latent dimension."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence


def kl_per_dimension(q: Distribution, p: Distribution) -> Float[Tensor, "B G"] | None:
    """KL(q_d || p_d) in nats for each example and latent dimension, where there is a closed form.

    None where q or p does not factorise over dimensions, or where torch knows no formula for the pair.
    """
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    if q.reinterpreted_batch_ndims != 1 or p.reinterpreted_batch_ndims != 1:
        return None
    assert q.event_shape == p.event_shape, f"posterior over {q.event_shape}, prior over {p.event_shape}"
    shape = torch.broadcast_shapes(q.base_dist.batch_shape, p.base_dist.batch_shape)
    try:
        # Not every formula in torch broadcasts by itself: Bernoulli's does not.
        return kl_divergence(q.base_dist.expand(shape), p.base_dist.expand(shape))
    except NotImplementedError:
        return None
