"""Anneal the weight of the KL term."""

from vaelab.callbacks.annealing import Annealing
from vaelab.model.vae import VAE


class KLAnnealing(Annealing):
    """Writes KLControl's `weight` from a schedule of the optimizer step.

    Bowman et al. 2016, arXiv:1511.06349.

    Args:
        schedule: step -> weight of the KL term.
    """

    name = "kl/weight"

    def claim(self, pl_module: VAE, end: int) -> None:
        pl_module.control.claim("weight", self, pl_module.objective.supported_controls, end)

    def write(self, pl_module: VAE, value: float) -> None:
        pl_module.control.write("weight", value)
