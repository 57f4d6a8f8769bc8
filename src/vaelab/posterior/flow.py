"""A Gaussian posterior, bent by a normalizing flow."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.flow import Flow as FlowDistribution
from vaelab.distribution.flow import init_at_identity_
from vaelab.nn.full_precision import full_precision
from vaelab.posterior.diagonal_gaussian import DiagonalGaussian
from vaelab.ranges import Supplied, Width


class Flow(nn.Module):
    """z = f(u; h) with u of a diagonal Gaussian posterior and h the encoder's features.

    `flow` makes an invertible map of `features` elements that sees `context` others: one of zuko's flows, of
    which only the `transform` counts. An autoregressive one is fast in one direction and takes D passes in the
    other: `fast_sampling` says which. As f itself it draws z and its density in one pass, which makes an
    inverse autoregressive flow (Kingma et al. 2016, arXiv:1606.04934); as the inverse of f it gives the
    density of any z in one pass, as in Papamakarios et al. 2017, arXiv:1705.07057.
    """

    def __init__(
        self, num_features: Supplied, latent_dim: Width, flow: Callable[..., Any], fast_sampling: bool
    ) -> None:
        super().__init__()
        self.size = latent_dim
        self.base = DiagonalGaussian(num_features, latent_dim)
        transform: Any = init_at_identity_(flow(features=latent_dim, context=num_features).transform)
        self.transform = transform.inv if fast_sampling else transform

    def forward(self, features: Float[Tensor, "B F"]) -> FlowDistribution:
        return FlowDistribution(self.transform(full_precision(features)), self.base(features))
