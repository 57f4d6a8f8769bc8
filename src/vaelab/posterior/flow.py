"""A Gaussian posterior transformed by a normalizing flow."""

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

    An autoregressive transform takes one pass in one direction and D passes in the other. With `fast_sampling` it is
    f, and z and its density take one pass: an inverse autoregressive flow (Kingma et al. 2016, arXiv:1606.04934).
    Otherwise it is the inverse of f, and the density of any z takes one pass (Papamakarios et al. 2017,
    arXiv:1705.07057).

    Args:
        num_features: F, features of the encoder.
        latent_dim: D, elements of z.
        flow: factory, given `features` = D and `context` = F, of a zuko flow; only its `transform` is used.
        fast_sampling: whether the transform maps u to z.
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
