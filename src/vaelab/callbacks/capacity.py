"""Hold the rate at a growing capacity."""

import lightning.pytorch as pl

from vaelab.kl.schedule import Schedule
from vaelab.model.vae import VAE


class Capacity(pl.Callback):
    """Writes KLControl's `capacity`, in nats: the penalty |rate - capacity| pulls the rate towards it.

    Burgess et al. 2018, arXiv:1804.03599, eq. 8; their gamma is the objective's beta.

    Args:
        schedule: step -> capacity in nats.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def setup(self, trainer: pl.Trainer, pl_module: VAE, stage: str) -> None:
        pl_module.control.claim("capacity", self, pl_module.objective.supported_controls, self.schedule.end)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, batch: object, batch_idx: int) -> None:
        pl_module.control.write("capacity", self.schedule(trainer.global_step))
        if pl_module.is_logged_step:
            pl_module.log("kl/capacity", self.schedule(trainer.global_step))
