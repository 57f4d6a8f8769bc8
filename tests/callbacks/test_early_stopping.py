"""Patience is counted after annealing only, survives a resumption, and yields to trainer.min_epochs."""

import logging
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from vaelab.callbacks.capacity import Capacity
from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.early_stopping import EarlyStopping
from vaelab.callbacks.kl_annealing import KLAnnealing
from vaelab.data.module import DataModule
from vaelab.kl.schedule import Linear
from vaelab.model.vae import VAE

STEPS_PER_EPOCH = 4  # 1237 digits in batches of 400
NEVER = 1e9  # nats, by which no bound improves after the first
Fit = Callable[..., tuple[VAE, EarlyStopping]]


@pytest.fixture
def fit(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> Fit:
    """Trains with early stopping on val/bound; its trainer says how long."""

    def fit(
        *callbacks: pl.Callback,
        patience: int = 1,
        min_delta: float = NEVER,
        ckpt_path: Path | None = None,
        **arguments: object,
    ) -> tuple[VAE, EarlyStopping]:
        stopping = EarlyStopping("val/bound", "max", patience, min_delta)
        running = trainer(*callbacks, stopping, LastCheckpoint(tmp_path), **{"max_epochs": 8, **arguments})
        vae = model()
        running.fit(vae, digits("data.batch_size=400"), ckpt_path=ckpt_path, weights_only=True)
        return vae, stopping

    return fit


def epochs(vae: VAE) -> float:
    return vae.trainer.global_step / STEPS_PER_EPOCH


@pytest.mark.parametrize("patience", [1, 3])
def test_the_first_validation_is_the_best_and_the_next_ones_are_counted(fit: Fit, patience: int) -> None:
    vae, stopping = fit(patience=patience)
    assert epochs(vae) == 1 + patience
    assert stopping.wait_count == patience


def test_an_improvement_begins_anew(fit: Fit) -> None:
    vae, stopping = fit(min_delta=0.0, max_epochs=4)
    assert (epochs(vae), stopping.wait_count) == (4, 0)


@pytest.mark.parametrize("end", [1, 2.25, 3])
def test_nothing_is_counted_before_the_last_schedule_has_ended(fit: Fit, end: float) -> None:
    last = int(end * STEPS_PER_EPOCH)
    vae, _ = fit(KLAnnealing(Linear(0.0, 1.0, last)), Capacity(Linear(0.0, 1.0, last // 2)), patience=2)
    first_counted = -(-last // STEPS_PER_EPOCH)  # the epoch at whose end the schedule has ended
    assert epochs(vae) == first_counted + 2


def test_validations_within_an_epoch_count_too(fit: Fit) -> None:
    vae, _ = fit(patience=2, val_check_interval=2)
    assert epochs(vae) == 1.5  # the best is after 2 steps, then come 4 and 6


def test_a_resumed_run_stops_where_an_uninterrupted_one_does(fit: Fit, tmp_path: Path) -> None:
    controls = lambda: KLAnnealing(Linear(0.0, 1.0, STEPS_PER_EPOCH))  # noqa: E731
    whole, counted = fit(controls(), patience=3)
    fit(controls(), patience=3, max_epochs=2)
    resumed, again = fit(controls(), patience=3, ckpt_path=tmp_path / "last.ckpt")
    assert epochs(resumed) == epochs(whole) == 4
    assert again.state_dict() == counted.state_dict()
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_run_that_stopped_trains_no_further_unless_it_gets_more_patience(fit: Fit, tmp_path: Path) -> None:
    fit(patience=2)
    resumed, _ = fit(patience=2, max_epochs=20, ckpt_path=tmp_path / "last.ckpt")
    assert epochs(resumed) == 3
    longer, stopping = fit(patience=4, ckpt_path=tmp_path / "last.ckpt")
    assert (epochs(longer), stopping.patience) == (5, 4)


def test_the_least_epochs_come_first(fit: Fit) -> None:
    assert epochs(fit(patience=1, min_epochs=5)[0]) == 5


def test_an_improvement_in_the_least_epochs_lets_the_training_go_on(fit: Fit) -> None:
    class Improvement(pl.Callback):
        """After the fourth epoch the best score is forgotten."""

        def on_validation_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
            if trainer.current_epoch == 3:
                trainer.early_stopping_callback.best_score = torch.tensor(-torch.inf)  # type: ignore[union-attr]

    vae, _ = fit(Improvement(), patience=2, min_epochs=4)
    assert epochs(vae) == 6


def test_the_end_is_told(fit: Fit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "vaelab"):
        _, stopping = fit(patience=2)
        fit(min_delta=0.0, max_epochs=1)
    (message,) = (one.getMessage() for one in caplog.records if one.name == EarlyStopping.__module__)
    assert message == (
        f"val/bound has not improved on {stopping.best_score:.4g} by more than 1e+09 in 2 validations, so training ends"
    )
