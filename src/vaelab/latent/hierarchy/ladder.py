"""The networks of a ladder: bottom-up once per example, top-down once per sample."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.latent.hierarchy.rung import Rung
from vaelab.protocol import Decoder, Encoder, Posterior


class Ladder(nn.Module):
    """Deterministic features bottom-up, latents top-down; each rung uses both.

        h_L = stem(x, c),  h_{l-1} = up_l(h_l);     s_1 = top(z_1, c),  s_l = step_l(s_{l-1}, z_l)

    Soenderby et al. 2016, arXiv:1602.02282; in this form Kingma et al. 2016, arXiv:1606.04934. z_1 is the top.

    Args:
        stem: encoder of the lowest features.
        ups: up_l, from the lowest level to the top.
        posterior: q(z_1 | x), from the top features.
        top: (z_1, c) -> the first state.
        rungs: the levels below the top, from the top down.
        head: decoder of the last state.
    """

    def __init__(
        self,
        stem: Encoder,
        ups: Sequence[nn.Module],
        posterior: Posterior,
        top: nn.Module,
        rungs: Sequence[Rung],
        head: Decoder,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.ups = nn.ModuleList(ups)
        self.posterior = posterior
        self.top = top
        self.rungs: Iterable[Any] = nn.ModuleList(rungs)
        self.head = head

    @property
    def sizes(self) -> list[int]:
        """Latent elements of each level, the top first."""
        return [self.posterior.size, *(rung.size for rung in self.rungs)]

    def infer(self, x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]) -> tuple[Distribution, list[Tensor]]:
        """The posterior of the top level, and the bottom-up features of each rung."""
        features = [self.stem(x, c)]
        for up in self.ups:
            features.append(up(features[-1]))
        bottom_up = [rung.bottom_up_proj(h) for rung, h in zip(self.rungs, reversed(features[:-1]), strict=True)]
        return self.posterior(features[-1].flatten(1)), bottom_up

    def start(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Tensor:
        """The state below the top level."""
        return self.top(torch.cat([z, c], 1))

    def output(self, state: Tensor, c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        """Likelihood parameters from the state below the last rung."""
        return self.head(state, c)
