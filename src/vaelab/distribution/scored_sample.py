"""Samples with their log-densities."""

import torch
from torch import Tensor
from torch.distributions import Distribution


def scored_sample(distribution: Distribution, num_samples: int) -> tuple[Tensor, Tensor]:
    """Reparameterized samples [S, *B, D] and their log-densities [S, *B] in nats.

    Together, because an inverse autoregressive flow knows the density of what it has just drawn, but needs D
    passes for that of any other point (Kingma et al. 2016, arXiv:1606.04934, section 3). A distribution that
    can do so has `rsample_and_log_prob`, as zuko's flows do.
    """
    return rsample_and_log_prob(distribution, torch.Size([num_samples]))


def rsample_and_log_prob(distribution: Distribution, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """The same for samples of any shape [*shape, *B, D]."""
    if hasattr(distribution, "rsample_and_log_prob"):
        z, log_prob = distribution.rsample_and_log_prob(shape)
        return z, log_prob
    z = distribution.rsample(shape)
    return z, distribution.log_prob(z)
