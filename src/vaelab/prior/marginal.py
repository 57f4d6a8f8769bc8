"""The marginal density of a latent variable model."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from vaelab.latent.structure import LatentStructure
from vaelab.terms import Batch

NO_SHAPE = torch.Size()


class Marginal(Distribution):
    """p(z) = E_q(u|z)[p(z, u) / q(u|z)] over real vectors [D], estimated with one sample.

    `log_prob` is random. Its mean is the ELBO, a lower bound on log p(z), and the mean of its exponential is p(z), so
    that importance weights that contain it are unbiased.

    Args:
        latent: the model of z, without condition.
        size: D, elements of z.
    """

    arg_constraints: ClassVar = {}
    support = constraints.real_vector
    has_rsample = False

    def __init__(self, latent: LatentStructure, size: int) -> None:
        self.latent = latent
        super().__init__(NO_SHAPE, torch.Size([size]), validate_args=False)

    def sample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        with torch.no_grad():
            u = self.latent.draw(sample_shape.numel(), None)
            return self.latent.decode(u, None).sample().reshape(*sample_shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        z = value.flatten(0, -2)
        index = torch.arange(len(z), device=z.device)
        return self.latent(Batch(z, None, index)).log_weight[0].reshape(value.shape[:-1])
