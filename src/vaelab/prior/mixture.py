"""A mixture of Gaussians as prior."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.gaussian_mixture import GaussianMixture
from vaelab.distribution.operations import bounded_log_scale
from vaelab.ranges import Width


class Mixture(nn.Module):
    """p(z) = sum_k pi_k N(z; loc_k, diag scale_k^2), all learned, for every condition.

    Tomczak & Welling 2018, arXiv:1705.07120, section 2: the baseline of the VampPrior. Components start with
    scale one at draws of N(0, I).

    Args:
        latent_dim: D, elements of z.
        num_components: K.
    """

    def __init__(self, latent_dim: Width, num_components: Width) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_components))
        self.loc = nn.Parameter(torch.randn(num_components, latent_dim))
        self.log_scale = nn.Parameter(torch.zeros(num_components, latent_dim))

    def forward(self, condition: Float[Tensor, "B C"]) -> GaussianMixture:
        return GaussianMixture(self.logits, self.loc, bounded_log_scale(self.log_scale).exp())
