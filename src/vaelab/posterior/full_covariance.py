"""A Gaussian posterior with full covariance."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.full_normal import FullNormal
from vaelab.distribution.operations import bounded_log_scale
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Supplied, Width


class FullCovariance(nn.Module):
    """q(z|x) = N(loc, L L^T): loc, log diag L and the entries below it linear in the encoder's features.

    Kingma & Welling 2019, arXiv:1906.02691, section 2.5.1

    Args:
        num_features: F, features of the encoder.
        latent_dim: D, elements of z.
    """

    below: Tensor

    def __init__(self, num_features: Supplied, latent_dim: Width) -> None:
        super().__init__()
        self.size = latent_dim
        self.sizes = [latent_dim, latent_dim, latent_dim * (latent_dim - 1) // 2]
        self.head = nn.Linear(num_features, sum(self.sizes))
        self.register_buffer("below", torch.tril_indices(latent_dim, latent_dim, -1), persistent=False)

    def forward(self, features: Float[Tensor, "B F"]) -> FullNormal:
        loc, raw, entries = full_precision(self.head(features)).split(self.sizes, -1)
        lower = torch.diag_embed(bounded_log_scale(raw).exp())  # [B, D, D]
        lower[:, self.below[0], self.below[1]] = entries
        return FullNormal(loc, lower)
