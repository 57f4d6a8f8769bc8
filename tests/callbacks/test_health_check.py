"""The health check of a run: counts, checkpoints and output."""

import json
from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from vaelab.callbacks.health_check import HealthCheck
from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, pass_or_fail
from vaelab.model.manual_optimization import UsesManualOptimization
from vaelab.model.vae import VAE

Model, Data, Trainers = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]
Check = Callable[[], HealthCheck]
NUM_BATCHES = 4


@pytest.fixture
def health(small: Callable[..., Any]) -> Check:
    """A callback that has not seen anything yet."""
    return lambda: build(small("callbacks=health_check").callbacks.health_check)


def fitted(running: pl.Trainer, vae: VAE, data: DataModule, checkpoint: Path | None = None) -> None:
    if isinstance(vae, UsesManualOptimization):
        vae.manual_optimization.disable_trainer_clipping(running)
    running.fit(vae, data, ckpt_path=checkpoint, weights_only=True)


def written(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "health.json").read_text())


def test_a_run_ends_with_a_table_and_a_file(
    tmp_path: Path, health: Check, model: Model, digits: Data, trainer: Trainers, capsys: pytest.CaptureFixture[str]
) -> None:
    check, vae, data = health(), model(), digits()
    running = trainer(check, max_epochs=1, limit_train_batches=NUM_BATCHES)
    fitted(running, vae, data)
    running.test(vae, data, verbose=False)
    lines = written(tmp_path)
    assert len(lines) == len(check.checks)
    assert lines["finite losses"]["verdict"] == "passed"
    assert lines["finite losses"]["message"] == f"0 of {NUM_BATCHES} training losses were not finite"
    assert lines["clipped gradients"]["verdict"] == "not applicable"
    said = capsys.readouterr().out
    assert all(name in said for name in lines)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_check_that_raises_says_so_and_no_nan_is_written(
    tmp_path: Path, health: Check, model: Model, digits: Data, trainer: Trainers
) -> None:
    check, vae = health(), model()
    names = list(check.checks)

    def broken(check_context: CheckContext) -> CheckResult:
        raise ZeroDivisionError("division by zero")

    check.checks = {
        **check.checks,
        "input_range": broken,
        "odd": lambda _: pass_or_fail("odd", True, nan, "", "so it is", ""),
    }
    for parameter in vae.parameters():
        parameter.data.fill_(nan)
    trainer(check).test(vae, digits(), verbose=False)
    lines = json.loads((tmp_path / "health.json").read_text(), parse_constant=pytest.fail)
    assert lines["input range"]["verdict"] == "not applicable"
    assert lines["input range"]["message"] == "could not be examined: ZeroDivisionError: division by zero"
    assert (lines["odd"]["verdict"], lines["odd"]["value"]) == ("failed", None)
    assert len(lines) == len(names) + 1
    # Of a model that is all NaN nothing passes but what counts its parameters.
    passed = {name for name, line in lines.items() if line["verdict"] == "passed"}
    assert passed <= {"decoder balance"}


@pytest.mark.parametrize("name", ["vae", "factor_vae", "lagging_vae"])
@pytest.mark.parametrize("algorithm", ["norm", "value"])
@pytest.mark.parametrize(("value", "num_clipped"), [(1e-6, NUM_BATCHES), (1e6, 0)])
def test_steps_whose_gradients_were_clipped(
    name: str, algorithm: str, value: float, num_clipped: int, health: Check, model: Model, digits: Data,
    trainer: Trainers,
) -> None:  # fmt: skip
    check = health()
    clipping = {"gradient_clip_val": value, "gradient_clip_algorithm": algorithm}
    small = ["model.max_inner_steps=2"] if name == "lagging_vae" else []
    running = trainer(check, max_epochs=1, limit_train_batches=NUM_BATCHES, limit_val_batches=0, **clipping)
    fitted(running, model(f"model={name}", *small), digits())
    counts = {"num_steps": NUM_BATCHES, "num_not_finite": 0, "num_clippable": NUM_BATCHES, "num_clipped": num_clipped}
    assert check.state_dict() == counts


def test_accumulated_gradients_are_clipped_once_a_step(
    health: Check, model: Model, digits: Data, trainer: Trainers
) -> None:
    check = health()
    clipping = {"gradient_clip_val": 1e-6, "accumulate_grad_batches": 2}
    fitted(trainer(check, max_epochs=1, limit_train_batches=4, limit_val_batches=0, **clipping), model(), digits())
    assert check.state_dict() == {"num_steps": 4, "num_not_finite": 0, "num_clippable": 2, "num_clipped": 2}


def test_a_resumed_run_goes_on_counting(
    tmp_path: Path, health: Check, model: Model, digits: Data, trainer: Trainers
) -> None:
    usual = {"limit_train_batches": NUM_BATCHES, "gradient_clip_val": 2.0}
    whole, first, second = health(), health(), health()
    fitted(trainer(whole, max_epochs=2, **usual), model(), digits())

    begun = trainer(first, max_epochs=1, **usual)
    fitted(begun, model(), digits())
    begun.save_checkpoint(tmp_path / "one.ckpt")
    resumed, vae = trainer(second, max_epochs=2, **usual), model()
    fitted(resumed, vae, digits(), tmp_path / "one.ckpt")
    assert second.state_dict() == whole.state_dict()
    assert second.state_dict()["num_steps"] == 2 * NUM_BATCHES

    # An earlier checkpoint has its own counts, not the current ones.
    resumed.test(vae, digits(), ckpt_path=tmp_path / "one.ckpt", weights_only=True, verbose=False)
    assert f"of {NUM_BATCHES} training losses" in written(tmp_path)["finite losses"]["message"]
    assert second.step == NUM_BATCHES


def test_a_checkpoint_of_a_run_that_did_not_count(
    tmp_path: Path, health: Check, model: Model, digits: Data, trainer: Trainers
) -> None:
    without, vae = trainer(max_epochs=1, limit_train_batches=2), model()
    fitted(without, vae, digits())
    without.save_checkpoint(tmp_path / "old.ckpt")
    check = health()
    trainer(check).test(vae, digits(), ckpt_path=tmp_path / "old.ckpt", weights_only=True, verbose=False)
    lines = written(tmp_path)
    assert lines["finite losses"]["verdict"] == "not applicable"
    assert check.step == 2


def test_training_does_not_notice(health: Check, model: Model, digits: Data, trainer: Trainers) -> None:
    weights = []
    for callbacks in ([], [health()]):
        vae = model()
        fitted(trainer(*callbacks, max_epochs=1, limit_train_batches=NUM_BATCHES), vae, digits())
        weights.append([p.detach().clone() for p in vae.parameters()])
    assert all(bool((one == other).all()) for one, other in zip(*weights, strict=True))
