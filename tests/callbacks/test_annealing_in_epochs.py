"""A schedule in epochs is one in optimizer steps of the epoch that its run starts with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from vaelab.callbacks.annealing import EPOCH, Annealing
from vaelab.callbacks.capacity import Capacity
from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.early_stopping import EarlyStopping
from vaelab.callbacks.kl_annealing import KLAnnealing
from vaelab.callbacks.temperature_annealing import TemperatureAnnealing
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.kl.schedule import Cyclical, Linear
from vaelab.model.vae import VAE

UNUSED = 10**6  # steps, which do not count


def rising(epochs: float) -> Linear:
    return Linear(0.0, 1.0, UNUSED, epochs)


class Watch(pl.Callback):
    """Notes the weight of the rate in every step."""

    def __init__(self) -> None:
        self.weights: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: VAE, *_: object) -> None:
        self.weights.append(pl_module.control.weight.item())


@pytest.mark.parametrize(
    ("variant", "arguments", "steps_per_epoch"),
    [
        ("vae", {}, 4),  # 1237 digits in batches of 400
        ("vae", {"limit_train_batches": 3}, 3),
        ("vae", {"limit_train_batches": 0.5}, 2),
        ("vae", {"overfit_batches": 2}, 2),
        ("vae", {"accumulate_grad_batches": 3}, 2),
        ("lagging_vae", {}, 4),
        ("factor_vae", {}, 4),
    ],
)
def test_an_epoch_has_the_steps_that_the_trainer_counts(
    variant: str,
    arguments: dict[str, object],
    steps_per_epoch: int,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    vae = model(f"model={variant}")
    annealing = KLAnnealing(rising(1.5))
    if "weight" not in vae.objective.supported_controls:
        vae.objective.supported_controls = frozenset({"weight"})
    running = trainer(annealing, max_epochs=2, **arguments)
    running.fit(vae, digits("data.batch_size=400"))
    assert running.global_step == 2 * steps_per_epoch == 2 * annealing.steps_per_epoch
    assert annealing.schedule == Linear(0.0, 1.0, round(1.5 * steps_per_epoch))
    assert vae.control.ends == {"weight": round(1.5 * steps_per_epoch)}


@pytest.mark.parametrize("kind", [KLAnnealing, Capacity, TemperatureAnnealing])
def test_each_kind_of_annealing_takes_epochs(
    kind: type[Annealing],
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    annealing = kind(Cyclical(0.5, 1.0, UNUSED, num_cycles=2, epochs=1.0))
    vae = model("model=gumbel_softmax_vae" if kind is TemperatureAnnealing else "model=vae")
    trainer(annealing, max_epochs=1).fit(vae, digits("data.batch_size=400"))
    assert annealing.schedule == Cyclical(0.5, 1.0, 4, num_cycles=2)


def test_a_run_keeps_its_epoch_when_it_is_resumed_and_tested(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    def fit(num_epochs: int, batch_size: int, ckpt_path: Path | None = None) -> tuple[Watch, VAE]:
        vae, watch = model(), Watch()
        running = trainer(KLAnnealing(rising(2)), watch, LastCheckpoint(tmp_path), max_epochs=num_epochs)
        running.fit(vae, digits(f"data.batch_size={batch_size}"), ckpt_path=ckpt_path, weights_only=True)
        return watch, vae

    whole, _ = fit(2, 400)
    assert whole.weights == pytest.approx([step / 8 for step in range(8)])
    fit(1, 400)
    resumed, vae = fit(3, 200, tmp_path / "last.ckpt")
    assert resumed.weights[:4] == whole.weights[4:]
    assert vae.control.ends == {"weight": 8}
    fresh = model()
    trainer(KLAnnealing(rising(2))).test(
        fresh, digits("data.batch_size=50"), ckpt_path=tmp_path / "last.ckpt", weights_only=True, verbose=False
    )
    assert fresh.control.ends == {"weight": 8}


def test_a_schedule_in_steps_adds_nothing_to_checkpoints(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    running = trainer(KLAnnealing(Linear(0.0, 1.0, 8)), LastCheckpoint(tmp_path), max_epochs=1)
    running.fit(model(), digits("data.batch_size=400"))
    assert EPOCH not in torch.load(tmp_path / "last.ckpt", weights_only=True)


def test_early_stopping_waits_for_a_temperature_too(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    falling = TemperatureAnnealing(Linear(1.0, 0.5, UNUSED, epochs=2.5))
    running = trainer(falling, EarlyStopping("val/bound", "max", 1, min_delta=1e9), max_epochs=9)
    running.fit(model("model=gumbel_softmax_vae"), digits("data.batch_size=400"))
    assert running.current_epoch == 4  # of which the third is the first to count


def test_data_without_a_length_have_no_epoch(model: Callable[..., VAE], trainer: Callable[..., pl.Trainer]) -> None:
    class Stream(IterableDataset[Tensor]):
        def __iter__(self) -> Iterator[Tensor]:
            return iter(torch.rand(8, 1, 8, 8))

    with pytest.raises(UserError) as caught:
        trainer(KLAnnealing(rising(2)), max_epochs=1, limit_val_batches=0).fit(model(), DataLoader(Stream(), 4))
    assert str(caught.value) == "a schedule in epochs needs data of a known length; give its length in steps"
