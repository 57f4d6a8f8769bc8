"""Mutual information between latents and the index of their example."""

import math

import torch
from torchmetrics import MeanMetric

from vaelab.metric.decomposition import aggregate_log_prob
from vaelab.terms import Terms


class MutualInformation(MeanMetric):
    """Mean over all examples of log q(z|x) / q(z), in nats, with q(z) estimated from the example's chunk.

    E_x[KL(q(z|x) || p(z))] - KL(q(z) || p(z)), at most the log of the chunk's size
    (Hoffman & Johnson 2016, NIPS workshop; as estimated by He et al. 2019, arXiv:1901.05534, section 4.1)
    """

    def __init__(self) -> None:
        super().__init__(nan_strategy="disable")  # do not hide NaN
        self.set_dtype(torch.float64)

    def update(self, terms: Terms) -> None:
        """Add one chunk, with the first sample of each posterior; the chunk may be empty."""
        z, num = terms.latents[0][0], len(terms.x)
        log_prob = terms.posterior.log_prob(z.unsqueeze(1)).double()  # [B, B]: of each z under each posterior
        log_weight = torch.full_like(log_prob[0], -math.log(num)) if num else log_prob.new_zeros(0)
        log_qz, _ = aggregate_log_prob(log_prob.unsqueeze(-1), log_weight)
        super().update(log_prob.diagonal() - log_qz)
