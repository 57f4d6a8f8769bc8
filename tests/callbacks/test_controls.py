"""KL control in real runs: each field follows its callback, and the best checkpoint is chosen after all schedules."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from omegaconf import DictConfig

from vaelab.callbacks.capacity import Capacity
from vaelab.callbacks.checkpoint import BestCheckpoint, LastCheckpoint
from vaelab.callbacks.free_bits import FreeBits
from vaelab.callbacks.kl_annealing import KLAnnealing
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.kl.schedule import Linear
from vaelab.metric.elbo import ELBOMetric
from vaelab.model.vae import VAE

STEPS_PER_EPOCH = 4  # 1237 digits in batches of 400
RAMP = Linear(0.0, 1.0, 2 * STEPS_PER_EPOCH)

Fit = Callable[..., tuple[VAE, "Watch"]]


class Watch(pl.Callback):
    """Notes what KLControl held in each step, and what each validation said and should have said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fields: dict[str, list[float]] = {"weight": [], "free_nats": [], "capacity": []}
        self.rates: list[tuple[float, float]] = []
        self.elbos: list[tuple[float, float]] = []
        self.best: list[bool] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: VAE, *_: object) -> None:
        for field, values in self.fields.items():
            values.append(getattr(pl_module.control, field).item())

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.evidence = ELBOMetric()

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: VAE, outputs: object, *_: object) -> None:
        self.evidence.update(outputs)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        expected = self.evidence.compute()[0]["elbo"].item()
        self.elbos.append((trainer.callback_metrics["val/elbo"].item(), expected))

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.current_epoch:
            self.best.append((self.folder / "best.ckpt").exists())

    def on_fit_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.best.append((self.folder / "best.ckpt").exists())


@pytest.fixture
def fit(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> Fit:
    def fit(*callbacks: pl.Callback, ckpt_path: Path | None = None, epochs: int = 4) -> tuple[VAE, Watch]:
        vae, data, watch = model(), digits("data.batch_size=400"), Watch(tmp_path)
        best = BestCheckpoint("val/elbo", "max")
        best.dirpath = str(tmp_path)
        running = trainer(*callbacks, watch, best, LastCheckpoint(tmp_path), max_epochs=epochs)
        running.fit(vae, data, ckpt_path=ckpt_path, weights_only=True)
        return vae, watch

    return fit


def test_each_callback_writes_its_field_in_every_step(fit: Fit) -> None:
    growing = Linear(1.0, 4.0, 10)
    vae, watch = fit(KLAnnealing(RAMP), Capacity(growing), FreeBits(0.25, group_size=2), epochs=3)
    steps = range(3 * STEPS_PER_EPOCH)
    assert watch.fields["weight"] == pytest.approx([RAMP(step) for step in steps])
    assert watch.fields["capacity"] == pytest.approx([growing(step) for step in steps])
    assert watch.fields["free_nats"] == [0.25] * len(steps)
    assert vae.control.group_size == 2


def test_the_watched_elbo_has_weight_one_whatever_the_schedule(fit: Fit, composed: Callable[..., DictConfig]) -> None:
    _, watch = fit(KLAnnealing(Linear(0.0, 0.1, 100)), FreeBits(5.0, group_size=1), epochs=2)
    assert len(watch.elbos) == 2
    for found, expected in watch.elbos:
        assert found == pytest.approx(expected, rel=1e-6)
    checkpoint = composed().callbacks.checkpoint
    assert (checkpoint.monitor, checkpoint.mode) == ("val/bound", "max")


def test_no_checkpoint_is_best_before_every_schedule_has_ended(fit: Fit) -> None:
    _, watch = fit(KLAnnealing(RAMP), Capacity(Linear(0.0, 1.0, 3 * STEPS_PER_EPOCH)), epochs=4)
    assert watch.best == [False, False, True, True]


def test_without_a_schedule_the_first_epoch_may_be_best(fit: Fit) -> None:
    _, watch = fit(FreeBits(0.1, group_size=1), epochs=1)
    assert watch.best == [True]


def test_a_resumed_run_goes_on_with_the_schedule(fit: Fit, tmp_path: Path) -> None:
    controls = lambda: (KLAnnealing(RAMP), FreeBits(0.1, group_size=1))  # noqa: E731
    whole, uninterrupted = fit(*controls(), epochs=3)
    fit(*controls(), epochs=1)
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert saved["control.weight"] == pytest.approx(RAMP(STEPS_PER_EPOCH - 1))
    assert saved["control.free_nats"] == pytest.approx(0.1)
    resumed, rest = fit(*controls(), ckpt_path=tmp_path / "last.ckpt", epochs=3)
    for field, values in rest.fields.items():
        assert values == uninterrupted.fields[field][STEPS_PER_EPOCH:]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_two_writers_of_one_field_end_before_training(fit: Fit) -> None:
    class Other(KLAnnealing):
        """Somebody else who writes the weight."""

    with pytest.raises(UserError) as caught:
        fit(KLAnnealing(RAMP), Other(RAMP))
    assert str(caught.value) == "callbacks KLAnnealing and Other both write 'weight'; keep one of them"


@pytest.mark.parametrize(
    ("callback", "field"),
    [(KLAnnealing(RAMP), "weight"), (FreeBits(0.1, 1), "free_nats"), (Capacity(RAMP), "capacity")],
    ids=["weight", "free_nats", "capacity"],
)
def test_an_objective_that_does_not_support_a_field_ends_before_training(
    callback: pl.Callback,
    field: str,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    vae = model()
    supported = vae.objective.supported_controls - {field}
    vae.objective.supported_controls = supported
    with pytest.raises(UserError) as caught:
        trainer(callback, max_epochs=1).fit(vae, digits())
    assert str(caught.value) == (
        f"callback {type(callback).__name__} writes '{field}', which this objective does not support "
        f"(it supports {', '.join(sorted(supported))}); drop the callback or change the objective"
    )


def test_free_bits_reach_the_optimizer_but_not_the_reported_rate(fit: Fit) -> None:
    high, low = (fit(FreeBits(nats, group_size=4), epochs=2)[0] for nats in (100.0, 1e-6))
    # Under a floor that is never left nothing pulls the posterior to the prior.
    assert high.loss is not None
    assert low.loss is not None
    assert high.loss.parts["rate"] > low.loss.parts["rate"]
    assert high.loss.parts["rate"] < 100.0
    assert high.loss.total.item() == pytest.approx(high.loss.parts["distortion"].item() + 100.0)
    assert low.loss.total.item() == pytest.approx(low.loss.parts["distortion"].item() + low.loss.parts["rate"].item())
