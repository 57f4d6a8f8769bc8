"""The networks of a hierarchy without a ladder: every level depends on all levels above it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaelab.distribution.relative_normal import relative_normal, standard_normal
from vaelab.nn.dense import dense_layers
from vaelab.nn.full_precision import full_precision
from vaelab.protocol import Decoder, Encoder, Posterior
from vaelab.ranges import Supplied, Width, Widths


class Step(nn.Module):
    """p(z | above) and q(z | above, x), each a dense network; the state is all latents above and the condition, [N, A].

    q is relative to p (Vahdat & Kautz 2020, arXiv:2007.03898, section 3.2), unlike in Tomczak & Welling: an absolute q
    was far worse after eight epochs of MNIST.

    Args:
        above: A, size of the state.
        num_features: F, features of x.
        latent_dim: D, elements of z.
        hidden: widths of both networks.
        activation: the nonlinearity after each hidden layer.
    """

    def __init__(
        self, above: int, num_features: int, latent_dim: int, hidden: Sequence[int], activation: nn.Module
    ) -> None:
        super().__init__()
        self.size = latent_dim

        def network(inputs: int) -> nn.Sequential:
            sizes = [inputs, *hidden]
            return nn.Sequential(dense_layers(sizes, activation, gated=False), nn.Linear(sizes[-1], 2 * latent_dim))

        self.prior_net, self.posterior_net = network(above), network(above + num_features)

    def prior(self, state: Float[Tensor, "N A"]) -> Independent:
        """p(z | above)."""
        raw = full_precision(self.prior_net(state))
        return relative_normal(standard_normal(raw.chunk(2, -1)[0]), raw)

    def posterior(
        self, state: Float[Tensor, "N A"], bottom_up: Float[Tensor, "N F"], prior: Independent
    ) -> Independent:
        """q(z | above, x)."""
        return relative_normal(prior, self.posterior_net(torch.cat([state, bottom_up], 1)))

    def step(self, state: Float[Tensor, "N A"], z: Float[Tensor, "N D"]) -> Tensor:
        """The state of the next level."""
        return torch.cat([state, z], 1)


class Cascade(nn.Module):
    """p(z_1) prod_l p(z_l | z_<l), q(z_1 | x) prod_l q(z_l | z_<l, x) and p(x | z_1, …, z_L); z_1 is the top.

    Tomczak & Welling 2018, arXiv:1705.07120, section 4, with two levels.

    Args:
        num_levels: L.
        latent_dim: elements of each level below the top.
        hidden: widths of the networks between levels.
        activation: the nonlinearity of these networks.
        encoder: factory of the features of x.
        posterior: factory of q(z_1 | x).
        decoder: factory, given the sizes of all latents, condition and likelihood.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """

    def __init__(
        self,
        num_levels: Supplied,
        latent_dim: Width,
        hidden: Widths,
        activation: nn.Module,
        encoder: Callable[..., Encoder],
        posterior: Callable[..., Posterior],
        decoder: Callable[..., Decoder],
        condition_size: Supplied,
        num_parameters: Supplied,
    ) -> None:
        super().__init__()
        self.encoder = encoder(condition_size=condition_size)
        features = self.encoder.num_features
        self.posterior = posterior(num_features=features)
        self.condition_size = condition_size
        start = self.posterior.size + condition_size
        self.rungs: Iterable[Any] = nn.ModuleList(
            Step(start + level * latent_dim, features, latent_dim, hidden, activation)
            for level in range(num_levels - 1)
        )
        self.decoder = decoder(latent_dim=sum(self.sizes), condition_size=condition_size, num_parameters=num_parameters)

    @property
    def sizes(self) -> list[int]:
        """Latent elements of each level, the top first."""
        return [self.posterior.size, *(rung.size for rung in self.rungs)]

    def infer(self, x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]) -> tuple[Distribution, list[Tensor]]:
        """The posterior of the top level, and the features of x for each level below."""
        features = self.encoder(x, c)
        return self.posterior(features), [features for _ in self.rungs]

    def start(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Tensor:
        """The state of the second level."""
        return torch.cat([c, z], 1)

    def output(self, state: Tensor, c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        """Likelihood parameters from the latents of all levels."""
        return self.decoder(state[:, self.condition_size :], c)
