"""W&B as its own reader shows it, and runs that go on without it."""

import os
import signal
from pathlib import Path

import pytest
from commandline import SMALL, call, metrics, num_rows, only_run, start, tracked, wait_until

from vaelab.run import Run

BRIEF = (*SMALL, "trainer=smoke", "callbacks=[checkpoint,kl_annealing,evaluate]", "evaluation=reconstruction")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs, then a third by going on."""
    folder = tmp_path_factory.mktemp("tracked")
    assert call(folder, "train", *BRIEF, "project=mine", "group=ours", "tags=[a,b]", "seed=3") == 0
    assert call(folder, "train", f"run={only_run(folder)}", "trainer.max_epochs=3") == 0
    return only_run(folder)


def test_going_on_appends_to_the_same_run(run: Path) -> None:
    first, second = tracked(run)
    assert first.run["run_id"] == second.run["run_id"] == Run(run).load_config().logger.wandb.id
    trained = [
        [row["trainer/global_step"] for row in session.history if "train/loss" in row] for session in (first, second)
    ]
    assert trained == [list(range(8)), list(range(8, 12))]


def test_a_run_says_what_it_is(run: Path) -> None:
    first, _ = tracked(run)
    assert first.run["project"] == "mine"
    assert first.run["run_group"] == "ours"
    assert first.run["tags"] == ["a", "b"]
    assert first.run["display_name"] == "vae-digits-seed3"
    assert first.config["seed"] == first.config["model"]["seed"] == 3
    assert first.config["data"]["shape"] == [1, 8, 8]
    assert "${" not in str(first.config)


def test_history_is_grouped(run: Path) -> None:
    keys = {key for session in tracked(run) for row in session.history for key in row if not key.startswith("_")}
    assert {key.partition("/")[0] for key in keys} == {"train", "val", "test", "kl", "trainer", "epoch"}
    assert {"train/loss", "val/elbo", "test/reconstruction/mse", "kl/weight"} <= keys


def test_without_weights_and_biases(tmp_path: Path) -> None:
    assert call(tmp_path, "train", *BRIEF, "logger=csv") == 0
    assert not (only_run(tmp_path) / "wandb").exists()
    assert len(metrics(only_run(tmp_path))) == 8 + 2 + 2  # the bound of the test split, then what was measured of it


@pytest.mark.slow
def test_a_service_that_dies_while_training(tmp_path: Path) -> None:
    process = start(tmp_path, "train", *BRIEF, "trainer.limit_train_batches=10", "trainer.max_epochs=20")
    wait_until(process, lambda: num_rows(tmp_path) > 5)
    children = [
        child
        for task in Path(f"/proc/{process.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    (service,) = (child for child in children if "wandb-core" in Path(f"/proc/{child}/cmdline").read_text())
    os.kill(int(service), signal.SIGKILL)
    assert process.wait(120) == 0
    said = (tmp_path / "out.txt").read_text() + (tmp_path / "err.txt").read_text()
    assert "Traceback" not in said
    assert said.count("going on without it") == 1
    assert metrics(only_run(tmp_path))[-1]["test/elbo"]


@pytest.mark.slow
def test_a_server_that_cannot_be_reached(tmp_path: Path) -> None:
    nowhere = {"WANDB_MODE": "online", "WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "0" * 40}
    process = start(tmp_path, "train", *BRIEF, **nowhere)
    assert process.wait(120) == 0
    said = (tmp_path / "out.txt").read_text() + (tmp_path / "err.txt").read_text()
    assert "Traceback" not in said
    assert said.count("going on offline") == 1
    assert len(tracked(only_run(tmp_path))) == 1
