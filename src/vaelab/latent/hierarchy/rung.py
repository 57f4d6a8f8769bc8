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

    d and e see the state and what the bottom-up pass found (Vahdat & Kautz 2020, arXiv:2007.03898, eq. 3). A
    state is [N, width] where `layer` is dense, [N, width, H, W] where it is a convolution; z, of
    `latent_shape`, travels as a row. `leave` brings the state to the size of the rung below.
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
        """q(z | state, x), where `seen` is what `see` made of the features of x, once per example."""
        return relative_normal(prior, self.posterior_net(self.top_down_proj(state) + bottom_up).flatten(1))

    def step(self, state: Float[Tensor, "N W *size"], z: Float[Tensor, "N D"]) -> Tensor:
        """The state below this rung."""
        return self.upsample(self.block(state + self.z_proj(z.unflatten(1, self.latent_shape))))
