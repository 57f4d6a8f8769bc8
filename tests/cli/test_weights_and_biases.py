"""W&B's files as its own reader reads them, and runs that continue without W&B."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from commandline import SMALL, call, metrics, num_rows, only_run, results, start, tracked, wait_until

from vaelab.config.run_config import load_config
from vaelab.logger.service import NAME, processes
from vaelab.storage.run import Run

BRIEF = (*SMALL, "trainer=smoke", "callbacks=[checkpoint,kl_annealing,evaluate]", "evaluation=reconstruction")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs, then a third by resuming."""
    folder = tmp_path_factory.mktemp("tracked")
    assert call(folder, "train", *BRIEF, "project=mine", "group=ours", "tags=[a,b]", "seed=3") == 0
    assert call(folder, "train", f"run={only_run(folder)}", "trainer.max_epochs=3") == 0
    return only_run(folder)


def test_resuming_appends_to_the_same_run(run: Path) -> None:
    first, second = tracked(run)
    assert first.run["run_id"] == second.run["run_id"] == load_config(Run(run)).logger.wandb.id
    trained = [
        [row["trainer/global_step"] for row in session.history if "train/loss" in row] for session in (first, second)
    ]
    assert trained == [list(range(8)), list(range(8, 12))]


def test_a_run_has_name_group_and_config(run: Path) -> None:
    first, _ = tracked(run)
    assert first.run["project"] == "mine"
    assert first.run["run_group"] == "ours"
    assert first.run["tags"] == ["a", "b"]
    assert first.run["display_name"] == "vae-digits seed=3"
    assert first.config["seed"] == first.config["model"]["seed"] == 3
    assert first.config["data"]["shape"] == [1, 8, 8]
    assert "${" not in str(first.config)


def test_the_logs_contain_all_messages(run: Path) -> None:
    for session in tracked(run):
        assert "reconstruction/mse" in session.output
        assert session.output.count("run folder: ") == 1
        assert "Epoch" not in session.output  # of the progress bar


def test_history_is_grouped(run: Path) -> None:
    keys = {key for session in tracked(run) for row in session.history for key in row if not key.startswith("_")}
    assert {key.partition("/")[0] for key in keys} == {"train", "val", "test", "kl", "trainer", "epoch"}
    assert {"train/loss", "val/elbo", "test/reconstruction/mse", "kl/weight"} <= keys


@pytest.mark.parametrize(("variable", "value"), [("WANDB_DISABLED", "true"), ("WANDB_MODE", "disabled")])
def test_disabled_by_the_environment(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert call(tmp_path, "train", *BRIEF) == 0
    assert not (only_run(tmp_path) / "wandb").exists()
    assert "W&B" not in capsys.readouterr().out


def test_values_that_w_and_b_rejects_are_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("project=a/b", f"group={'g' * 200}", f"tags=[ok,'',{'b' * 65},7]", "logger.wandb.id=a:b")
    assert call(tmp_path, "train", *BRIEF, *given) == 0
    (session,) = tracked(only_run(tmp_path))
    assert session.run["project"] == "a-b"
    assert session.run["run_group"] == "g" * 128
    assert session.run["tags"] == ["ok", "7"]
    assert session.run["run_id"] == "a-b"
    assert capsys.readouterr().out.count("[vaelab.logger.naming][WARNING]") == 5


def test_without_weights_and_biases(tmp_path: Path) -> None:
    assert call(tmp_path, "train", *BRIEF, "logger=csv") == 0
    assert not (only_run(tmp_path) / "wandb").exists()
    assert len(metrics(only_run(tmp_path))) == 8 + 2 + 2  # the bound of the test split, then what was measured of it


def said(folder: Path) -> str:
    return (folder / "out.txt").read_text() + (folder / "err.txt").read_text()


def service_of(process: subprocess.Popen) -> int:
    """The wandb-core that a process has started."""
    (pid,) = (pid for pid, parent, _, name in processes() if parent == process.pid and name == NAME)
    return pid


def has_service(process: subprocess.Popen) -> bool:
    return any(parent == process.pid and name == NAME for _, parent, _, name in processes())


def start_long(folder: Path) -> subprocess.Popen:
    """A training of some seconds."""
    return start(folder, "train", *BRIEF, "trainer.limit_train_batches=20", "trainer.max_epochs=60")


def assert_trained(folder: Path, process: subprocess.Popen) -> None:
    """It ended at all, with its results, and left no process behind."""
    assert process.wait(200) == 0, said(folder)
    assert "Traceback" not in said(folder)
    assert results(only_run(folder))["elbo"]
    assert not has_service(process)


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "words"), [(signal.SIGKILL, ""), (signal.SIGSTOP, "no answer within")])
def test_a_service_that_dies_or_freezes_while_training(signum: int, words: str, tmp_path: Path) -> None:
    process = start_long(tmp_path)
    wait_until(process, lambda: "W&B is offline" in said(tmp_path) and num_rows(tmp_path) > 5)
    os.kill(service_of(process), signum)
    assert_trained(tmp_path, process)
    assert said(tmp_path).count("continuing without it") == 1
    assert words in said(tmp_path).lower()


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_service_that_never_starts(signum: int, tmp_path: Path) -> None:
    """Its rows are written by a second one, offline."""
    process = start_long(tmp_path)
    wait_until(process, lambda: has_service(process))
    os.kill(service_of(process), signum)
    assert_trained(tmp_path, process)
    assert said(tmp_path).count("continuing offline") == 1
    (session,) = tracked(only_run(tmp_path))
    steps = [row["trainer/global_step"] for row in session.history if "train/loss" in row]
    assert steps == [int(row["step"]) for row in metrics(only_run(tmp_path)) if row["train/loss"]]


@pytest.mark.slow
@pytest.mark.parametrize("answers", [False, True], ids=["refuses", "is silent"])
def test_a_server_that_cannot_be_reached(answers: bool, tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers:
            server.listen(100)  # and never takes what is sent to it
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        process = start(tmp_path, "train", *BRIEF, WANDB_MODE="", WANDB_BASE_URL=address, WANDB_API_KEY="0" * 40)
        assert_trained(tmp_path, process)
    assert said(tmp_path).count("continuing offline") == 1
    (session,) = tracked(only_run(tmp_path))
    assert [row["trainer/global_step"] for row in session.history if "train/loss" in row] == list(range(8))
    assert session.config["seed"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"WANDB_MODE": "", "WANDB_API_KEY": "short"}, "API key must have 40+ characters, has 5; continuing offline"),
        ({"WANDB_MODE": "", "WANDB_API_KEY": " " * 50}, "continuing offline"),
        ({"WANDB_MODE": "sometimes"}, "there is no mode 'sometimes'"),
        ({"WANDB_MODE": "", "WANDB_BASE_URL": "nonsense", "WANDB_API_KEY": "0" * 40}, "continuing without it"),
        ({"WANDB_TAGS": "a" * 65}, "continuing without it"),
    ],
    ids=["short key", "blank key", "mode", "address", "tags"],
)
def test_an_environment_that_w_and_b_rejects(variables: dict[str, str], words: str, tmp_path: Path) -> None:
    process = start(tmp_path, "train", *BRIEF, **variables)
    assert_trained(tmp_path, process)
    assert words in said(tmp_path)


@pytest.mark.slow
def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """Where W&B wants folders of its own, there are files."""
    (tmp_path / "mine").write_text("in the way")
    folders = {f"WANDB_{kind}_DIR": str(tmp_path / "mine") for kind in ("CACHE", "DATA", "CONFIG", "ARTIFACT")}
    process = start(tmp_path, "train", *BRIEF, "hydra.run.dir=outputs/a/b", **folders)
    assert process.wait(120) == 0
    assert "Traceback" not in said(tmp_path)


@pytest.mark.slow
def test_a_ctrl_c_while_w_and_b_is_frozen(tmp_path: Path) -> None:
    process = start_long(tmp_path)
    wait_until(process, lambda: "W&B is offline" in said(tmp_path) and num_rows(tmp_path) > 5)
    os.kill(service_of(process), signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    assert process.wait(200) == 130
    assert "Traceback" not in said(tmp_path)
    assert not has_service(process)
