"""Ends the trial of a search that does worse than others."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import lightning.pytorch as pl
from lightning.pytorch.trainer.states import TrainerFn

from vaelab.errors import UserError
from vaelab.model.vae import VAE
from vaelab.ranges import ByTheRun, NonNegativeInt
from vaelab.storage.study import has_study, open_study

if TYPE_CHECKING:
    import optuna

MONITOR = "val/bound"


class Pruning(pl.Callback):
    """Reports the validation bound of each epoch to the study of a search, and stops the training if it says so.

    Nothing is reported before annealing has ended: until then bounds of different schedules do not compare. A run
    outside its sweep, or one whose trial has ended, trains as if this callback were not there.

    Args:
        trial: number of the trial in the study.
        pruner: one of Optuna's.
        sweep_folder: folder of the sweep.

    Attributes:
        pruned_epochs: the number of epochs after which the trial was pruned; 0 if it was not.
    """

    def __init__(
        self, trial: NonNegativeInt, pruner: Any, sweep_folder: Annotated[Path | None, ByTheRun()] = None
    ) -> None:
        self.number = trial
        self.pruner = pruner
        self.sweep_folder = sweep_folder
        self.pruned_epochs = 0
        self._trial: optuna.Trial | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.is_global_zero and self.sweep_folder is not None and has_study(self.sweep_folder):
            self._trial = running_trial(self.sweep_folder, self.number, self.pruner)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        if not pl_module.control.is_settled(trainer.global_step):
            return
        epochs = trainer.current_epoch + 1
        if trainer.strategy.broadcast(self.should_prune(float(trainer.callback_metrics[MONITOR]), epochs)):
            self.pruned_epochs = epochs
            trainer.should_stop = True

    def should_prune(self, bound: float, epochs: int) -> bool:
        """Report a bound, on rank 0, and return what the pruner says."""
        if self._trial is None:
            return False
        self._trial.report(bound, epochs)
        return self._trial.should_prune()


def running_trial(folder: Path, number: int, pruner: Any) -> "optuna.Trial | None":
    """The trial of a study, if it is running. Raises UserError without Optuna."""
    try:
        import optuna
    except ImportError:
        raise UserError(f"{folder} holds a search by Optuna, which is missing; pip install 'vaelab[sweeps]'") from None
    study = open_study(folder, pruner=pruner)
    found = [one for one in study.get_trials(deepcopy=False) if one.number == number and not one.state.is_finished()]
    return optuna.trial.Trial(study, found[0]._trial_id) if found else None
