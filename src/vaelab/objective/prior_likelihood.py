"""The prior's likelihood of the latents: what a second stage maximises."""

from typing import ClassVar

from vaelab.kl.control import KLControl
from vaelab.objective.summed import summed
from vaelab.ranges import PositiveInt
from vaelab.terms import Loss, Terms


class PriorLikelihood:
    """-E_q[log p(z)], nats per example.

    The part of the negative ELBO that a prior can change, once everything else is trained:
    van den Oord et al. 2017, arXiv:1711.00937, section 3.3.
    """

    supported_controls: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, num_samples: PositiveInt = 1) -> None:
        self.num_samples = num_samples

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        return summed(-terms.log_pz.mean(), terms)
