"""A prior on the unit sphere."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.uniform_sphere import UniformSphere as UniformSphereDistribution


class UniformSphere(nn.Module):
    """p(z) = 1 / |S^(D-1)|, for every condition.        Davidson et al. 2018, arXiv:1804.00891

    Args:
        latent_dim: D, elements of z.
    """

    like: Tensor

    def __init__(self, latent_dim: Annotated[int, Ge(2), Le(2**20)]) -> None:
        super().__init__()
        self.register_buffer("like", torch.zeros(latent_dim), persistent=False)

    def forward(self, condition: Float[Tensor, "B C"]) -> UniformSphereDistribution:
        return UniformSphereDistribution(self.like)
