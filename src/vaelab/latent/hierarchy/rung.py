"""One level of a ladder below its top."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Independent

from vaelab.distribution.relative_normal import relative_normal, standard_normal
from vaelab.nn.full_precision import full_precision
from vaelab.nn.residual import Layer, Residual, scale_parameters_, variance_preserving_init_


class Rung(nn.Module):
    """p(z | state) = N(loc, scale^2) and q(z | state, x) = N(loc + d, (scale exp(e))^2), then the next state.

    d and e depend on the state and on the bottom-up features (Vahdat & Kautz 2020, arXiv:2007.03898, eq. 3). A state
    is [N, width] for dense layers and [N, width, H, W] for convolutions; z is flat, [N, D].

    Args:
        width: width of the state.
        num_features: width of the bottom-up features.
        latent_shape: shape of z before it is flattened, channels first.
        layer: (features in, features out) -> a dense layer or a convolution.
        activation: the nonlinearity before each layer.
        depth: number of rungs, which scales the initial weights.
        upsample: resizes the state to that of the rung below.
    """

    def __init__(
        self,
        width: int,
        num_features: int,
        latent_shape: Sequence[int],
        layer: Layer,
        activation: nn.Module,
        depth: int,
        upsample: nn.Module,
    ) -> None:
        super().__init__()
        self.latent_shape = torch.Size(latent_shape)
        self.size = self.latent_shape.numel()
        num = 2 * self.latent_shape[0]
        self.prior_net = nn.Sequential(activation, layer(width, width), activation, layer(width, num))
        self.bottom_up_proj = layer(num_features, width)
        self.top_down_proj = nn.Sequential(activation, layer(width, width))
        self.posterior_net = nn.Sequential(activation, layer(width, num))
        self.z_proj = scale_parameters_(variance_preserving_init_(layer(self.latent_shape[0], width)), depth)
        self.block = Residual(width, layer, activation, depth)
        self.upsample = upsample

    def prior(self, state: Float[Tensor, "N W *size"]) -> Independent:
        """p(z | state), [N, size]."""
        raw = full_precision(self.prior_net(state).flatten(1))
        return relative_normal(standard_normal(raw.chunk(2, -1)[0]), raw)

    def posterior(
        self, state: Float[Tensor, "N W *size"], bottom_up: Float[Tensor, "N W *size"], prior: Independent
    ) -> Independent:
        """q(z | state, x), where `bottom_up` is `bottom_up_proj` of the features of x."""
        return relative_normal(prior, self.posterior_net(self.top_down_proj(state) + bottom_up).flatten(1))

    def step(self, state: Float[Tensor, "N W *size"], z: Float[Tensor, "N D"]) -> Tensor:
        """The state below this rung."""
        return self.upsample(self.block(state + self.z_proj(z.unflatten(1, self.latent_shape))))
