"""The last step of every objective: add penalties, report distortion and rate."""

from jaxtyping import Float
from torch import Tensor

from vaelab.terms import Loss, Terms


def add_penalties(
    objective: Float[Tensor, ""], terms: Terms, parts: dict[str, Float[Tensor, ""]] | None = None
) -> Loss:
    """Add the penalties of the terms to `objective`, in nats per example; `parts` are logged too.

    The distortion -log p(x|z) and the rate KL(q(z|x) || p(z)) are those without any control or weight.
    """
    penalties = {name: penalty.mean() for name, penalty in terms.penalties.items()}
    usual = {"distortion": -terms.log_px.mean(), "rate": terms.kl.sum(1).mean()}
    return Loss(sum(penalties.values(), objective), usual | (parts or {}) | penalties)
