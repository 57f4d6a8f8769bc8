"""The prior's log-likelihood of the latents: the objective of a second stage."""

from typing import ClassVar

from vaelab.kl.control import KLControl
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import PositiveInt
from vaelab.terms import Loss, Terms


class PriorLikelihood:
    """-E_q[log p(z)], nats per example.

    The part of the negative ELBO that depends on the prior:
    van den Oord et al. 2017, arXiv:1711.00937, section 3.3.

    Args:
        num_samples: S, latents drawn per example.
    """

    supported_controls: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, num_samples: PositiveInt = 1) -> None:
        self.num_samples = num_samples

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        return add_penalties(-terms.log_pz.mean(), terms)
