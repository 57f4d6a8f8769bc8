"""The posterior of an autoencoder, without noise."""

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.point import Point
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Supplied, Width


class Deterministic(nn.Module):
    """q(z|x) = delta(z - loc(x)), loc linear in the encoder's features.

    Ghosh et al. 2020, arXiv:1903.12436

    Args:
        num_features: F, features of the encoder.
        latent_dim: D, elements of z.
    """

    def __init__(self, num_features: Supplied, latent_dim: Width) -> None:
        super().__init__()
        self.size = latent_dim
        self.head = nn.Linear(num_features, latent_dim)

    def forward(self, features: Float[Tensor, "B F"]) -> Point:
        return Point(full_precision(self.head(features)))
