"""Alerts about runs that nobody is watching."""

from typing import Any, Literal, Protocol, runtime_checkable

import lightning.pytorch as pl
from lightning.pytorch.trainer.states import TrainerFn

from vaelab.errors import Interrupted
from vaelab.model.vae import VAE
from vaelab.ranges import NonNegativeFloat, PositiveInt


@runtime_checkable
class Alerting(Protocol):
    """A logger that can alert its user, by mail or chat."""

    def alert(self, title: str, text: str, level: Literal["INFO", "WARN", "ERROR"]) -> None: ...


class Alerts(pl.Callback):
    """Alerts the user, through loggers that can do so, when the run fails and when its posterior collapses.

    A run fails by any exception, such as the first loss that is not finite; being stopped is none. A posterior has
    collapsed if, after every KL schedule has ended, `num_validations` validations in a row have a rate below `min_rate`
    or no active unit (where `LatentUse` logs them). That is said once in a run. Rates count only where the ELBO is a
    bound.

    Args:
        min_rate: rate below which the posterior counts as collapsed, in nats per example, >= 0.
        num_validations: validations in a row.
    """

    def __init__(self, min_rate: NonNegativeFloat, num_validations: PositiveInt) -> None:
        self.min_rate = min_rate
        self.num_validations = num_validations
        self.num_collapsed = 0  # validations in a row up to the last

    def state_dict(self) -> dict[str, Any]:
        return {"num_collapsed": self.num_collapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.num_collapsed = state_dict["num_collapsed"]

    # After the epoch's end, when the module has logged its rate.
    def on_validation_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not fitting or not pl_module.control.is_settled(trainer.global_step):
            return
        sign = self.sign_of_collapse(trainer, pl_module)
        self.num_collapsed = self.num_collapsed + 1 if sign else 0
        if self.num_collapsed == self.num_validations:
            text = f"{sign} after {trainer.global_step} steps; lower objective.beta, or anneal the KL term"
            alert(trainer, "posterior collapse", text, "WARN")

    def sign_of_collapse(self, trainer: pl.Trainer, pl_module: VAE) -> str:
        """What shows that z carries nothing, or an empty string."""
        logged = trainer.callback_metrics
        if pl_module.elbo.is_bound and logged["val/rate"] < self.min_rate:
            return f"the rate is {logged['val/rate']:.3g} nats"
        return "no latent dimension is active" if logged.get("latent/active_units") == 0 else ""

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, Exception) and not isinstance(exception, Interrupted):
            text = next(iter(str(exception).splitlines()), type(exception).__name__)
            alert(trainer, "run failed", text, "ERROR")


def alert(trainer: pl.Trainer, title: str, text: str, level: Literal["INFO", "WARN", "ERROR"]) -> None:
    """Alert through every logger that can."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        if isinstance(logger, Alerting):
            logger.alert(title, text, level)
