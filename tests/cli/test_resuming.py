"""A run that was stopped, killed or extended equals one that was not, bit for bit."""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from commandline import (
    FAST,
    assert_same,
    call,
    checkpoint,
    metrics,
    num_rows,
    only_run,
    results,
    start,
    wait_until,
    without_traceback,
)
from omegaconf import OmegaConf

from vaelab.config.run_config import load_config
from vaelab.storage.run import Run

# Everything that has a state of its own.
STATEFUL = (
    *FAST,
    "callbacks=[checkpoint,kl_annealing,ema,evaluate]",
    "evaluation=reconstruction",
    "kl.steps=100",
    "callbacks.ema.decay=0.9",
    "scheduler=cosine",
    "scheduler.T_max=6",
    "data.binarization=dynamic",
)
BATCHES = 39  # 1237 training digits in batches of 32


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six epochs without a break."""
    folder = tmp_path_factory.mktemp("whole")
    assert call(folder, "train", *STATEFUL, "trainer.max_epochs=6") == 0
    return only_run(folder)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs."""
    folder = tmp_path_factory.mktemp("half")
    assert call(folder, "train", *STATEFUL, "trainer.max_epochs=3") == 0
    return only_run(folder)


def assert_same_run(run: Path, whole: Path) -> None:
    found, expected = checkpoint(run), checkpoint(whole)
    for key in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers"):
        assert_same(found[key], expected[key], key)
    assert (found["global_step"], found["epoch"]) == (expected["global_step"], expected["epoch"])
    assert_same(checkpoint(run, "best")["state_dict"], checkpoint(whole, "best")["state_dict"])
    assert metrics(run) == metrics(whole)
    assert results(run) == results(whole)


def test_the_whole_run_logs_each_step_once_and_each_epoch_once(whole: Path) -> None:
    rows = metrics(whole)
    assert [int(row["step"]) for row in rows if row["train/loss"]] == list(range(6 * BATCHES))
    assert [int(row["step"]) for row in rows if row["val/elbo"]] == [BATCHES * n - 1 for n in range(1, 7)]


def test_train_6_is_train_3_and_resume_3(half: Path, whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half.parents[2], tmp_path / "moved") / half.relative_to(half.parents[2])
    before = {path.name: path.read_bytes() for path in (run / ".hydra").iterdir()}
    assert call(run, "train", "run=.", "trainer.max_epochs=6") == 0
    assert_same_run(run, whole)
    assert {path.name: path.read_bytes() for path in (run / ".hydra").iterdir()} == before
    names = sorted(path.name for path in run.iterdir() if path.name != "history")
    assert names == sorted(path.name for path in whole.iterdir())
    assert load_config(Run(run)).trainer.max_epochs == 6
    assert OmegaConf.load(run / "history" / "config_001.yaml").trainer.max_epochs == 3
    assert {path.name for path in tmp_path.iterdir()} == {"moved"}


def test_ckpt_last_resumes_the_newest_run(half: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("outputs/a/new", "outputs/sweeps/b/old")):
        run = shutil.copytree(half, tmp_path / name)
        moment = time.time() - 100 * number
        for path in (run / "checkpoints").iterdir():
            os.utime(path, (moment, moment))
    assert call(tmp_path, "train", "ckpt=last", "trainer.max_epochs=4") == 0
    assert checkpoint(tmp_path / "outputs/a/new")["epoch"] == 3
    assert checkpoint(tmp_path / "outputs/sweeps/b/old")["epoch"] == 2


def test_an_override_reaches_references_to_it(half: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half, tmp_path / "outputs/run")
    changes = ("trainer.max_epochs=4", "seed=5", "callbacks=checkpoint", "logger=[]")
    assert call(tmp_path, "train", f"run={run}", *changes) == 0
    config = load_config(Run(run))
    assert config.model.seed == config.data.seed == config.seed == 5
    assert list(config.callbacks) == ["checkpoint"]
    assert list(config.logger) == []
    assert json.loads((run / "results.json").read_text())["elbo"]["seed"] == 5


def test_the_best_stays_the_best_in_a_moved_folder(half: Path, tmp_path: Path) -> None:
    run = shutil.copytree(half, tmp_path / "moved")
    best = (run / "checkpoints" / "best.ckpt").read_bytes()
    # An average that does not move validates as before, which is not better.
    assert (
        call(tmp_path, "train", f"run={run}", "trainer.max_epochs=4", "+callbacks.ema.update_starting_at_step=9999")
        == 0
    )
    assert checkpoint(run)["epoch"] == 3
    assert (run / "checkpoints" / "best.ckpt").read_bytes() == best


def stop(folder: Path, arguments: tuple[str, ...], signum: int, rows: int) -> Path:
    """Send a signal to a training once metrics.csv has so many rows; the run that was saved."""
    process = start(folder, "train", *arguments)
    wait_until(process, lambda: num_rows(folder) > rows)
    process.send_signal(signum)
    assert process.wait(60) == 128 + signum
    run = only_run(folder).relative_to(folder)
    assert without_traceback(folder) == [
        f"stopped by {signal.Signals(signum).name}, everything is saved; resume with python train.py run={run}"
    ]
    return run


def test_stopped_within_an_epoch(whole: Path, tmp_path: Path) -> None:
    run = stop(tmp_path, (*STATEFUL, "trainer.max_epochs=6"), signal.SIGTERM, rows=60)
    assert checkpoint(tmp_path / run)["global_step"] % BATCHES != 0
    assert call(tmp_path, "train", f"run={run}") == 0
    assert_same_run(tmp_path / run, whole)


def kill_at(folder: Path, process, rows: int, delay: float) -> bool:
    """Kill a process once metrics.csv has so many rows, and a moment later; False where it ended before."""
    while process.poll() is None and num_rows(folder) < rows:
        time.sleep(0.005)
    time.sleep(delay)
    process.kill()
    return process.wait() == -signal.SIGKILL


def test_interrupted_and_then_killed(whole: Path, tmp_path: Path) -> None:
    """Ctrl-C in the first epoch, and a kill in the third, which begins anew."""
    run = stop(tmp_path, (*STATEFUL, "trainer.max_epochs=6"), signal.SIGINT, rows=5)
    process = start(tmp_path, "train", f"run={run}")
    assert kill_at(tmp_path, process, 2 * BATCHES + 10, 0.0)
    assert checkpoint(tmp_path / run)["global_step"] >= 2 * BATCHES
    assert call(tmp_path, "train", f"run={run}") == 0
    assert_same_run(tmp_path / run, whole)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments(whole: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    arguments: tuple[str, ...] = (*STATEFUL, "trainer.max_epochs=6")
    for _ in range(4):
        process = start(tmp_path, "train", *arguments)
        wait_until(process, lambda: bool(list(tmp_path.glob("outputs/*/*/checkpoints/last.ckpt"))))
        kill_at(tmp_path, process, chance.randrange(6 * BATCHES), chance.random() / 10)
        run = only_run(tmp_path)
        assert checkpoint(run)["global_step"] % BATCHES == 0
        arguments = (f"run={run}",)
    assert call(tmp_path, "train", f"run={run}") == 0
    assert_same_run(run, whole)
