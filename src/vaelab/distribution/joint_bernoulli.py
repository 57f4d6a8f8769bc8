"""Independent binary pixels as one event."""

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.distribution.joint import Joint


class JointBernoulli(Joint):
    """Independent Bernoulli pixels, whose log_prob is faster without gradient.

    log l^x (1 - l)^(1 - x) = ((2x - 1) a - |a|) / 2 + log sigmoid(|a|) for a logit a, and the sum of
    logarithms is the logarithm of a product: each factor is at least 1/2, so float32 holds a product of 64.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """[*batch, *event] -> [*batch], in nats."""
        logits = self.base_dist.logits
        if torch.is_grad_enabled() and logits.requires_grad:
            return super().log_prob(value)
        start = logits.dim() - self.reinterpreted_batch_ndims
        logits, value = logits.flatten(start), value.flatten(value.dim() - self.reinterpreted_batch_ndims)
        signed = (logits * (2 * value - 1)).sum(-1)
        size = logits.abs()
        return (signed - size.sum(-1)) / 2 + log_product(size.sigmoid_())


def log_product(factors: Float[Tensor, "*B D"]) -> Float[Tensor, "*B"]:
    """The logarithm of the product of D factors in [1/2, 1], [*B, D] -> [*B]; the factors are overwritten."""
    num_halvings = 0
    while factors.shape[-1] % 2 == 0 and num_halvings < 6:
        first, second = factors.chunk(2, -1)
        factors, num_halvings = first.mul_(second), num_halvings + 1
    return factors.log().sum(-1)
