"""Anneals the temperature of categorical latents."""

import lightning.pytorch as pl
from torch import Tensor

from vaelab.errors import UserError
from vaelab.kl.schedule import Schedule
from vaelab.model.vae import VAE


class TemperatureAnnealing(pl.Callback):
    """Writes the `temperature` buffer of every part that has one, from a schedule of the optimizer step.

    Jang et al. 2017, arXiv:1611.01144, section 2.2. Has no state: a resumed run reads the step and continues
    exactly. Evaluation samples without a temperature, so its numbers compare across the schedule.

    Args:
        schedule: step -> temperature, > 0.
    """

    def __init__(self, schedule: Schedule) -> None:
        if min(schedule(0), schedule(schedule.end)) <= 0:
            raise UserError(
                f"callbacks.temperature_annealing.schedule goes from {schedule(0)} to {schedule(schedule.end)}, but a "
                "temperature is above 0; set start and stop above 0"
            )
        self.schedule = schedule

    def setup(self, trainer: pl.Trainer, pl_module: VAE, stage: str) -> None:
        if not temperatures(pl_module):
            raise UserError(
                "callback TemperatureAnnealing writes a temperature, which no part of this model has; "
                "drop the callback or set posterior=gumbel_softmax"
            )

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, batch: object, batch_idx: int) -> None:
        for temperature in temperatures(pl_module):
            temperature.fill_(self.schedule(trainer.global_step))
        if pl_module.is_logged_step:
            pl_module.log("temperature", self.schedule(trainer.global_step))


def temperatures(vae: VAE) -> list[Tensor]:
    """The buffers with the name `temperature`."""
    return [buffer for name, buffer in vae.latent.named_buffers() if name.rpartition(".")[2] == "temperature"]
