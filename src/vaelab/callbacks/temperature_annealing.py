"""Anneals the temperature of categorical latents."""

from torch import Tensor

from vaelab.callbacks.annealing import Annealing
from vaelab.errors import UserError
from vaelab.kl.schedule import Schedule, in_steps
from vaelab.model.vae import VAE

LONG = 10**6  # steps per epoch at which every schedule shows both of its ends


class TemperatureAnnealing(Annealing):
    """Writes the `temperature` buffer of every part that has one, from a schedule of the optimizer step.

    Jang et al. 2017, arXiv:1611.01144, section 2.2. Evaluation samples without a temperature, so its numbers compare
    across the schedule.

    Args:
        schedule: step -> temperature, > 0.
    """

    name = "control/temperature"

    def __init__(self, schedule: Schedule) -> None:
        any_length = in_steps(schedule, LONG)
        first, last = any_length(0), any_length(any_length.end)
        if min(first, last) <= 0:
            raise UserError(
                f"callbacks.temperature_annealing.schedule goes from {first} to {last}, but a temperature is above 0; "
                "set start and stop above 0"
            )
        super().__init__(schedule)

    def claim(self, pl_module: VAE, end: int) -> None:
        if not temperatures(pl_module):
            raise UserError(
                "callback TemperatureAnnealing writes a temperature, which no part of this model has; "
                "drop the callback or set posterior=gumbel_softmax"
            )

    def write(self, pl_module: VAE, value: float) -> None:
        for temperature in temperatures(pl_module):
            temperature.fill_(value)


def temperatures(vae: VAE) -> list[Tensor]:
    """The buffers with the name `temperature`."""
    return [buffer for name, buffer in vae.latent.named_buffers() if name.rpartition(".")[2] == "temperature"]
