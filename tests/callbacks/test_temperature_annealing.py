"""The softmax temperature follows its schedule, also after an interruption."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.temperature_annealing import TemperatureAnnealing, temperatures
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.kl.schedule import Linear
from vaelab.model.vae import VAE

FALLING = Linear(1.0, 0.5, 6)


class Watch(pl.Callback):
    """Notes every temperature of every step."""

    def __init__(self) -> None:
        self.values: list[list[float]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: VAE, *_: object) -> None:
        self.values.append([temperature.item() for temperature in temperatures(pl_module)])


@pytest.mark.parametrize("name", ["gumbel_softmax_vae", "joint_vae"])
def test_follows_the_schedule_and_goes_on_after_a_resumption(
    name: str,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
    tmp_path: Path,
) -> None:
    def fit(epochs: int, ckpt_path: Path | None = None) -> tuple[VAE, list[list[float]]]:
        vae, watch = model(f"model={name}"), Watch()
        running = trainer(TemperatureAnnealing(FALLING), watch, LastCheckpoint(tmp_path), max_epochs=epochs)
        running.fit(vae, digits("data.batch_size=400"), ckpt_path=ckpt_path, weights_only=True)
        return vae, watch.values

    whole, values = fit(2)
    assert values == [[pytest.approx(FALLING(step))] for step in range(len(values))]
    fit(1)
    resumed, rest = fit(2, tmp_path / "last.ckpt")
    assert rest == values[len(values) // 2 :]
    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_fails_where_nothing_has_a_temperature(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    with pytest.raises(UserError) as caught:
        trainer(TemperatureAnnealing(FALLING), max_epochs=1).fit(model(), digits())
    assert str(caught.value) == (
        "callback TemperatureAnnealing writes a temperature, which no part of this model has; "
        "drop the callback or set posterior=gumbel_softmax"
    )
