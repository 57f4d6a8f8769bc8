"""Speed of training: what validation takes does not count."""

import time
from collections.abc import Callable

import lightning.pytorch as pl
import pytest

from vaelab.callbacks.throughput import Throughput
from vaelab.data.module import DataModule
from vaelab.model.vae import VAE

PAUSE = 0.05


class Slow(pl.Callback):
    """Takes PAUSE seconds in every training step, and ten times as long in every validation."""

    def on_train_batch_start(self, *_: object) -> None:
        time.sleep(PAUSE)

    def on_validation_batch_start(self, *_: object) -> None:
        time.sleep(10 * PAUSE)


@pytest.mark.parametrize("interval", [1.0, 0.5])
def test_speed_is_that_of_the_training_steps(
    interval: float,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    given = {"limit_train_batches": 4, "limit_val_batches": 1, "val_check_interval": interval, "max_epochs": 2}
    running = trainer(Slow(), Throughput(), **given)
    running.fit(model(), digits("data.batch_size=100"))
    logged = {name: float(value) for name, value in running.callback_metrics.items() if name.startswith("machine/")}
    # A validation would make it less than a third of the limit, a machine under load perhaps half.
    assert 0.4 / PAUSE < logged["machine/steps_per_second"] < 1 / PAUSE
    assert logged["machine/examples_per_second"] == pytest.approx(100 * logged["machine/steps_per_second"])
    assert 0.05 < logged["machine/peak_memory"] < 100
    assert "machine/peak_gpu_memory" not in logged
