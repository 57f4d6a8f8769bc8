"""The standard normal prior."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaelab.distribution.joint import Joint
from vaelab.ranges import Width


class StandardNormal(nn.Module):
    """p(z) = prod_d N(z_d; 0, 1), for every condition: batch_shape [], event_shape [D].

    Args:
        latent_dim: D, elements of z.
    """

    loc: Tensor
    scale: Tensor

    def __init__(self, latent_dim: Width) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(latent_dim), persistent=False)
        self.register_buffer("scale", torch.ones(latent_dim), persistent=False)

    def forward(self, condition: Float[Tensor, "B C"]) -> Independent:
        return Joint(Normal(self.loc, self.scale, validate_args=False), 1, validate_args=False)
