"""The records that pass between parts.

Axes, everywhere: S importance samples, B batch, G latent groups, D latent dimensions.
Log-densities are natural logarithms (nats), summed over pixels and over latent dimensions, never over B.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution


class Batch(NamedTuple):
    """Examples as the likelihood wants them, with their labels and their places in the split."""

    x: Float[Tensor, "B *event"]
    y: Int[Tensor, " B"] | None
    index: Int[Tensor, " B"]  # type: ignore[assignment]  # hides tuple.index, which nobody needs


@dataclass
class Terms:
    """Everything an objective may need about one batch, in nats.

    `penalties` are added to the loss, `diagnostics` are only logged: each is [B], or [] for what is one number of
    the whole batch. `is_bound` says whether E_q[log_weight] is a lower bound on log p(x) and the weights are
    importance weights, as they are for every posterior that draws from the density it tells.
    """

    log_px: Float[Tensor, "S B"]
    log_pz: Float[Tensor, "S B"]
    log_qz: Float[Tensor, "S B"]
    kl: Float[Tensor, "B G"]
    latents: tuple[Tensor, ...]
    posterior: Distribution
    prior: Distribution
    x: Float[Tensor, "B *event"]
    penalties: dict[str, Float[Tensor, " B"]] = field(default_factory=dict)
    diagnostics: dict[str, Float[Tensor, "*B"]] = field(default_factory=dict)
    is_bound: bool = True

    @property
    def log_weight(self) -> Float[Tensor, "S B"]:
        """log p(x, z) / q(z | x), the importance weight of each sample."""
        return self.log_px + self.log_pz - self.log_qz


class Loss(NamedTuple):
    """What the optimizer minimises, and the parts it is made of, in nats per example."""

    total: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]
