"""Latent traversals: the code of one example, with one dimension moved through the prior."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent

NUM_PRIOR_SAMPLES = 10_000


def sweep(code: Float[Tensor, " D"], dimension: int, values: Float[Tensor, " Q"]) -> Float[Tensor, "Q D"]:
    """The code repeated Q times, with one dimension set to each of the values."""
    swept = code.repeat(len(values), 1)
    swept[:, dimension] = values
    return swept


def prior_quantiles(prior: Distribution, levels: Float[Tensor, " Q"]) -> Float[Tensor, "Q D"]:
    """Quantiles of each dimension of p(z) for one example; from samples if the prior has no inverse cdf."""
    if isinstance(prior, Independent):
        try:
            column = levels.view(-1, *[1] * len(prior.base_dist.batch_shape))
            return prior.base_dist.icdf(column).flatten(1)
        except NotImplementedError:
            pass
    return prior.sample(torch.Size([NUM_PRIOR_SAMPLES])).flatten(1).quantile(levels, 0)
