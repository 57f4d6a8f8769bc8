"""A posterior on the unit sphere."""

from typing import Annotated

import torch.nn.functional as F
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.operations import bounded_log_scale
from vaelab.distribution.von_mises_fisher import VonMisesFisher as VonMisesFisherDistribution
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Supplied


class VonMisesFisher(nn.Module):
    """q(z|x) = vMF(loc, kappa) over the unit sphere in `latent_dim` dimensions, both from the encoder's features.

    Davidson et al. 2018, arXiv:1804.00891; log kappa is the output, and is bounded.

    Args:
        num_features: F, features of the encoder.
        latent_dim: D, elements of z.
    """

    def __init__(self, num_features: Supplied, latent_dim: Annotated[int, Ge(2), Le(2**20)]) -> None:
        super().__init__()
        self.size = latent_dim
        self.head = nn.Linear(num_features, latent_dim + 1)

    def forward(self, features: Float[Tensor, "B F"]) -> VonMisesFisherDistribution:
        loc, raw = full_precision(self.head(features)).split([self.size, 1], -1)
        return VonMisesFisherDistribution(F.normalize(loc, dim=-1), bounded_log_scale(raw.squeeze(-1)).exp())
