"""Hold the rate at a growing capacity."""

from vaelab.callbacks.annealing import Annealing
from vaelab.model.vae import VAE


class Capacity(Annealing):
    """Writes KLControl's `capacity`, in nats: the penalty |rate - capacity| pulls the rate towards it.

    Burgess et al. 2018, arXiv:1804.03599, eq. 8; their gamma is the objective's beta.

    Args:
        schedule: step -> capacity in nats.
    """

    name = "kl/capacity"

    def claim(self, pl_module: VAE, end: int) -> None:
        pl_module.control.claim("capacity", self, pl_module.objective.supported_controls, end)

    def write(self, pl_module: VAE, value: float) -> None:
        pl_module.control.write("capacity", value)
