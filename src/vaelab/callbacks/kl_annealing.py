"""Anneal the weight of the KL term."""

import lightning.pytorch as pl

from vaelab.kl.schedule import Schedule
from vaelab.model.vae import VAE


class KLAnnealing(pl.Callback):
    """Writes KLControl's `weight` from a schedule of the optimizer step.

    Bowman et al. 2016, arXiv:1511.06349. Has no state: a resumed run reads the step and continues exactly.

    Args:
        schedule: step -> weight of the KL term.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def setup(self, trainer: pl.Trainer, pl_module: VAE, stage: str) -> None:
        pl_module.control.claim("weight", self, pl_module.objective.supported_controls, self.schedule.end)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, batch: object, batch_idx: int) -> None:
        pl_module.control.write("weight", self.schedule(trainer.global_step))
        if pl_module.is_logged_step:
            pl_module.log("kl/weight", self.schedule(trainer.global_step))
