"""The diagonal Gaussian posterior."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaelab.distribution.joint import Joint
from vaelab.distribution.operations import bounded_log_scale
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Supplied, Width


class DiagonalGaussian(nn.Module):
    """q(z|x) = prod_d N(z_d; loc_d, scale_d^2), loc and log scale linear in the encoder's features.

    Kingma & Welling 2014, arXiv:1312.6114

    Args:
        num_features: F, features of the encoder.
        latent_dim: D, elements of z.
    """

    def __init__(self, num_features: Supplied, latent_dim: Width) -> None:
        super().__init__()
        self.size = latent_dim
        self.head = nn.Linear(num_features, 2 * latent_dim)

    def forward(self, features: Float[Tensor, "B F"]) -> Independent:
        loc, raw = full_precision(self.head(features)).chunk(2, -1)  # [B, D] each
        return Joint(Normal(loc, bounded_log_scale(raw).exp(), validate_args=False), 1, validate_args=False)
