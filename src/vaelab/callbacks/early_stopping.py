"""End the training once the watched bound has stopped improving, after all annealing has ended."""

import logging
from typing import Any, Literal

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping as LightningEarlyStopping
from lightning.pytorch.utilities import rank_zero_only

from vaelab.callbacks.annealing import Annealing
from vaelab.model.vae import VAE
from vaelab.ranges import NonNegativeFloat, PositiveInt

log = logging.getLogger(__name__)


class EarlyStopping(LightningEarlyStopping):
    """Ends the training after `patience` validations in a row without an improvement.

    While a schedule runs, the training objective differs from the bound that is monitored, so validations count only
    from the step at which the last schedule has ended. Checkpoints hold the count: a resumed run stops where an
    uninterrupted one does, and a run that has stopped trains no further unless it is resumed with more patience.

    Args:
        monitor: name of the logged metric.
        mode: `min` or `max`.
        patience: validations without an improvement.
        min_delta: an improvement that is not larger counts as none; in the unit of the metric, for a bound nats.
    """

    def __init__(
        self, monitor: str, mode: Literal["min", "max"], patience: PositiveInt, min_delta: NonNegativeFloat = 0.0
    ) -> None:
        super().__init__(
            monitor=monitor,
            mode=mode,
            patience=patience,
            min_delta=min_delta,
            check_finite=False,  # a loss that is not finite fails the run, instead of ending it early
            check_on_train_epoch_end=False,  # each validation counts once, however many an epoch has
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        trainer.should_stop = trainer.should_stop or self.has_lost_patience

    def on_validation_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        had_lost_patience = self.has_lost_patience
        if self.has_annealed(trainer, pl_module):
            super().on_validation_end(trainer, pl_module)
        if had_lost_patience and not self.has_lost_patience:
            trainer.should_stop = False  # it has improved in the epochs that trainer.min_epochs demands

    def on_train_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if self.has_lost_patience:
            rank_zero_only(log.info)(
                "%s has not improved on %.4g by more than %g in %d validations, so training ends",
                self.monitor,
                self.best_score,
                abs(self.min_delta),
                self.wait_count,
            )

    def has_annealed(self, trainer: pl.Trainer, pl_module: VAE) -> bool:
        """Whether every schedule has ended, that of a temperature too."""
        schedules = [one.schedule for one in trainer.callbacks if isinstance(one, Annealing)]  # type: ignore[attr-defined]
        ended = all(trainer.global_step >= schedule.end for schedule in schedules)
        return ended and pl_module.control.is_settled(trainer.global_step)

    @property
    def has_lost_patience(self) -> bool:
        """Whether the training is to end."""
        return self.wait_count >= self.patience

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the count, but not the patience: a run may be resumed with another."""
        super().load_state_dict({**state_dict, "patience": self.patience})
