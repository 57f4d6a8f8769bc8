"""The rate under KL control: weighted, with a floor, or held at a capacity."""

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.errors import UserError


def controlled_rate(
    kl: Float[Tensor, "B G"],
    weight: Float[Tensor, ""],
    free_nats: Float[Tensor, ""],
    capacity: Float[Tensor, ""],
    group_size: int = 1,
) -> Float[Tensor, ""]:
    """weight * | sum_g max(mean_B KL_g, free_nats) - capacity |, in nats per example.

    The floor acts on the batch mean of each group, not on each example: below it a group gets no gradient,
    above it the gradient is untouched (Kingma et al. 2016, arXiv:1606.04934, eq. 15). A capacity above 0
    is a target of the rate (Burgess et al. 2018, arXiv:1804.03599, eq. 8).
    """
    if kl.shape[1] % group_size:
        raise UserError(
            f"free bits in groups of {group_size} do not divide {kl.shape[1]} latent groups; "
            "set callbacks.free_bits.group_size to a divisor"
        )
    groups = kl.mean(0).unflatten(0, (-1, group_size)).sum(1)
    rate = torch.where(free_nats > 0, torch.maximum(groups, free_nats), groups).sum()
    return weight * torch.where(capacity > 0, (rate - capacity).abs(), rate)
