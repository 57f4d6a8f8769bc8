"""The networks of a ladder: up once for each example, down for each sample."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.latent.hierarchy.rung import Rung
from vaelab.protocol import Decoder, Encoder, Posterior


class Ladder(nn.Module):
    """Deterministic features upwards, latents downwards; each rung sees both.

        h_L = stem(x, c),  h_{l-1} = up_l(h_l);     s_1 = top(z_1, c),  s_l = step_l(s_{l-1}, z_l)

    Soenderby et al. 2016, arXiv:1602.02282; in this form Kingma et al. 2016, arXiv:1606.04934. z_1 is the top
    level, whose posterior is the chosen one. `stem` and `head` are network bodies as any encoder and decoder.
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
        """The posterior of the top level, and what each rung sees of x."""
        found = [self.stem(x, c)]
        for up in self.ups:
            found.append(up(found[-1]))
        bottom_up = [rung.bottom_up_proj(h) for rung, h in zip(self.rungs, reversed(found[:-1]), strict=True)]
        return self.posterior(found[-1].flatten(1)), bottom_up

    def start(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Tensor:
        """The state below the top level."""
        return self.top(torch.cat([z, c], 1))

    def output(self, state: Tensor, c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        """Likelihood parameters, from the state below the last rung."""
        return self.head(state, c)
