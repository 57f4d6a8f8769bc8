"""What every objective has in common: penalties are added, distortion and rate are reported."""

from jaxtyping import Float
from torch import Tensor

from vaelab.terms import Loss, Terms


def summed(objective: Float[Tensor, ""], terms: Terms, parts: dict[str, Float[Tensor, ""]] | None = None) -> Loss:
    """`objective` plus the penalties of the terms, in nats per example; `parts` are logged beside them.

    The distortion -log p(x|z) and the rate KL(q(z|x) || p(z)) are those without any control or weight.
    """
    penalties = {name: penalty.mean() for name, penalty in terms.penalties.items()}
    usual = {"distortion": -terms.log_px.mean(), "rate": terms.kl.sum(1).mean()}
    return Loss(sum(penalties.values(), objective), usual | (parts or {}) | penalties)
