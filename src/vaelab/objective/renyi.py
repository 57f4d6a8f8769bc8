"""The variational Renyi bound."""

from jaxtyping import Float
from torch import Tensor

from vaelab.kl.control import KLControl
from vaelab.metric.bounds import importance_weighted_bound
from vaelab.objective.importance import controlled_log_weight
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import PositiveInt
from vaelab.terms import Loss, Terms


def renyi_bound(log_weight: Float[Tensor, "S B"], alpha: float) -> Float[Tensor, " B"]:
    """1 / (1 - alpha) log 1/S sum_s w_s^(1 - alpha) in nats, one per example; the mean of log w at alpha = 1.

    Li & Turner 2016, arXiv:1602.02311, eq. 14. Decreases in alpha: the ELBO at 1, the IWAE bound at 0; below 0 it
    may lie above log p(x), as S grows.
    """
    center = log_weight.mean(0)
    if alpha == 1:
        return center
    # Centered, because float32 loses digits of the mean when 1 - alpha is small.
    return center + importance_weighted_bound((1 - alpha) * (log_weight - center)) / (1 - alpha)


class Renyi:
    """Minus the variational Renyi bound of order alpha on log p(x), nats per example.

    Args:
        alpha: the order.
        num_samples: S, latents drawn per example.
    """

    supported_controls = frozenset({"weight"})

    def __init__(self, alpha: float, num_samples: PositiveInt) -> None:
        self.alpha = alpha
        self.num_samples = num_samples

    @property
    def samples_per_bound(self) -> int:
        """S, or 1 at alpha = 1, where the bound is the ELBO for any S."""
        return 1 if self.alpha == 1 else self.num_samples

    def bound(self, log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
        """The bound of each example in nats, without any control."""
        return renyi_bound(log_weight, self.alpha)

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        log_weight = controlled_log_weight(terms, terms.log_qz, control.weight)
        return add_penalties(-renyi_bound(log_weight, self.alpha).mean(), terms)
