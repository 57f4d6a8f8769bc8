"""Alerts: once for a collapse after annealing, and for a run that fails; none for one that is stopped."""

from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers.logger import DummyLogger

from vaelab.callbacks.alerts import Alerting, Alerts
from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.callbacks.kl_annealing import KLAnnealing
from vaelab.callbacks.latent_use import LatentUse
from vaelab.data.module import DataModule
from vaelab.errors import Interrupted, UserError
from vaelab.kl.schedule import Linear
from vaelab.logger.weights_and_biases import WandbLogger
from vaelab.model.vae import VAE

Fit = Callable[..., list[tuple[str, str, str]]]


class Bell(DummyLogger):
    """A logger that notes alerts."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[tuple[str, str, str]] = []

    def alert(self, title: str, text: str, level: str) -> None:
        self.alerts.append((title, text, level))


class At(pl.Callback):
    """Does something to the model before a step."""

    def __init__(self, step: int, action: Callable[[VAE], None]) -> None:
        self.step, self.action = step, action

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, *_: object) -> None:
        if trainer.global_step == self.step:
            self.action(pl_module)


@pytest.fixture
def fit(model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]) -> Fit:
    """The alerts of a run of some epochs with 4 steps each."""

    def fit(*callbacks: pl.Callback, epochs: int = 6, error: type[BaseException] | None = None) -> list:
        bell = Bell()
        running = trainer(*callbacks, logger=bell, max_epochs=epochs)
        if error is None:
            running.fit(model(), digits("data.batch_size=400"))
        else:
            with pytest.raises(error):
                running.fit(model(), digits("data.batch_size=400"))
        return bell.alerts

    return fit


def test_a_collapse_is_said_once_and_only_after_annealing(fit: Fit) -> None:
    ramp = KLAnnealing(Linear(0.0, 1.0, 12))
    (found,) = fit(ramp, Alerts(min_rate=100.0, num_validations=2))
    title, text, level = found
    assert (title, level) == ("posterior collapse", "WARN")
    assert text.startswith("the rate is ")
    assert " after 16 steps; " in text  # the second validation from step 12 on


def test_an_inactive_latent_is_a_collapse_although_its_rate_is_not_low(fit: Fit) -> None:
    (found,) = fit(LatentUse(threshold=1e9), Alerts(min_rate=0.0, num_validations=3))
    assert found[1].startswith("no latent dimension is active after 12 steps")


def test_a_healthy_run_gives_no_alert(fit: Fit) -> None:
    assert fit(LatentUse(threshold=0.0), Alerts(min_rate=0.0, num_validations=1)) == []


def test_a_loss_that_is_not_finite_gives_its_sentence(fit: Fit) -> None:
    poison = At(5, lambda module: module.latent.decoder.head.bias.data.fill_(torch.nan))
    alerts = fit(poison, FiniteLoss(), Alerts(min_rate=0.0, num_validations=1), error=UserError)
    ((title, text, level),) = alerts
    assert (title, level) == ("run failed", "ERROR")
    assert text.startswith("the loss became nan at step 5: ")


def test_an_interruption_is_no_failure(fit: Fit, tmp_path: object) -> None:
    def stop(module: VAE) -> None:
        raise Interrupted(15, tmp_path)  # type: ignore[arg-type]

    assert fit(At(5, stop), Alerts(min_rate=0.0, num_validations=1), error=Interrupted) == []


def test_weights_and_biases_takes_alerts(tmp_path: object) -> None:
    assert isinstance(WandbLogger(save_dir=str(tmp_path)), Alerting)
