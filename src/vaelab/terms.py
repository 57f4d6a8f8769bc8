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
    """Examples on the scale of the likelihood, with their labels and their indices in the split."""

    x: Float[Tensor, "B *event"]
    y: Int[Tensor, " B"] | None
    index: Int[Tensor, " B"]  # type: ignore[assignment]  # hides tuple.index, which is not used


@dataclass
class Terms:
    """Everything that an objective may need about one batch, in nats.

    Attributes:
        log_px: log p(x | z) of each sample.
        log_pz: log p(z) of each sample.
        log_qz: log q(z | x) of each sample.
        kl: KL(q(z | x) || p(z)) of each latent group.
        latents: samples [S, B, ...], one tensor for each latent vector.
        posterior: q(z | x).
        prior: p(z).
        x: the examples.
        penalties: added to the loss, [B] each.
        diagnostics: logged only, [B] each, or [] for one number of the whole batch.
        is_bound: whether E_q[log_weight] is a lower bound on log p(x) and the weights are importance weights, which
            holds for every posterior whose samples come from the density that it reports.
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
    """`total`, which the optimizer minimises, and its `parts`, in nats per example."""

    total: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]
