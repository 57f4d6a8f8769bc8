"""The networks of a hierarchy without a ladder: every level depends on all levels above it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaelab.distribution.relative_normal import relative_normal, standard_normal
from vaelab.nn.dense import dense
from vaelab.nn.full_precision import full_precision
from vaelab.protocol import Decoder, Encoder, Posterior
from vaelab.ranges import Supplied, Width, Widths


class Step(nn.Module):
    """p(z | above) and q(z | above, x), each a dense network of its own; a state is all that is above, as a row.

    q is given by how it differs from p (Vahdat & Kautz 2020, arXiv:2007.03898, section 3.2), which Tomczak & Welling
    do not do: a q that knows nothing of p was far behind after eight epochs of MNIST.
    """

    def __init__(
        self, above: int, num_features: int, latent_dim: int, hidden: Sequence[int], activation: nn.Module
    ) -> None:
        super().__init__()
        self.size = latent_dim

        def network(inputs: int) -> nn.Sequential:
            sizes = [inputs, *hidden]
            return nn.Sequential(dense(sizes, activation, gated=False), nn.Linear(sizes[-1], 2 * latent_dim))

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
        """All that is above the next level."""
        return torch.cat([state, z], 1)


class Cascade(nn.Module):
    """p(z_1) prod_l p(z_l | z_<l), q(z_1 | x) prod_l q(z_l | z_<l, x) and p(x | z_1, …, z_L); z_1 is the top.

    Tomczak & Welling 2018, arXiv:1705.07120, section 4, where the levels are two.
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
        """The posterior of the top level, and what each level below sees of x: the features."""
        features = self.encoder(x, c)
        return self.posterior(features), [features for _ in self.rungs]

    def start(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Tensor:
        """All that is above the second level."""
        return torch.cat([c, z], 1)

    def output(self, state: Tensor, c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        """Likelihood parameters, from the latents of all levels."""
        return self.decoder(state[:, self.condition_size :], c)
