"""Affine decoder, whose posterior does not collapse."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.ranges import Shape, Supplied


class Affine(nn.Module):
    """Likelihood parameters affine in z and its condition.

    With a Gaussian likelihood the model is probabilistic PCA, whose posterior does not collapse in any
    dimension that the data need      (Lucas et al. 2019, arXiv:1911.02469)

    Args:
        shape: shape of one example.
        latent_dim: D, elements of z.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """

    def __init__(self, shape: Shape, latent_dim: Supplied, condition_size: Supplied, num_parameters: Supplied) -> None:
        super().__init__()
        self.parameter_shape = (num_parameters, *shape)
        self.layer = nn.Linear(latent_dim + condition_size, math.prod(self.parameter_shape))

    def forward(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        return self.layer(torch.cat([z, c], dim=1)).unflatten(1, self.parameter_shape)
