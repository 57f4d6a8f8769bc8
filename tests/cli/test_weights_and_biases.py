"""W&B's files as its own reader reads them, and runs that continue without W&B."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from commandline import SMALL, call, metrics, num_rows, only_run, results, start, tracked, wait_until
from tracking_server import TrackingServer

from vaelab.config.run_config import load_config
from vaelab.logger.service import NAME, processes
from vaelab.storage.run import Run

BRIEF = (*SMALL, "trainer=smoke", "callbacks=[checkpoint,kl_annealing,evaluate]", "evaluation=reconstruction")
PICTURES = ("reconstruction_grid", "sample_grid")
SHOWN = (
    *SMALL,
    "trainer=smoke",
    f"callbacks=[checkpoint,{','.join(PICTURES)},kl_heat_map,latent_use,throughput,evaluate,alerts,health_check]",
    "evaluation=reconstruction",
    "callbacks.kl_heat_map.every_n_epochs=1",
    *(f"callbacks.{name}.every_n_epochs=1" for name in PICTURES),
    "callbacks.alerts.min_rate=1000",
    "callbacks.alerts.num_validations=2",
    "logger.wandb.log_model=true",
)


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


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs with pictures, then a third by resuming."""
    folder = tmp_path_factory.mktemp("shown")
    assert call(folder, "train", *SHOWN) == 0
    assert call(folder, "train", f"run={only_run(folder)}", "trainer.max_epochs=3") == 0
    return only_run(folder)


def test_pictures_have_a_row_for_each_look_with_its_step(shown: Path) -> None:
    sessions = tracked(shown)
    for name in (*PICTURES, "kl_heat_map"):
        looks = [
            [
                (row["trainer/global_step"], row[f"images/{name}.filenames"])
                for row in session.history
                if f"images/{name}.filenames" in row
            ]
            for session in sessions
        ]
        assert [[step for step, _ in session] for session in looks] == [[3, 7], [11]]
        for folder, session in zip(sorted(shown.glob("wandb/offline-run-*")), looks, strict=True):
            for _, (file,) in session:
                assert (folder / "files" / file).read_bytes().startswith(b"\x89PNG")
    shown_of_test = {
        key for session in sessions for row in session.history for key in row if key.startswith("test/images/")
    }
    assert {key.split(".")[0] for key in shown_of_test} == {f"test/images/{name}" for name in PICTURES}


def test_every_chart_is_over_the_trainers_step_and_the_summary_has_the_best(shown: Path) -> None:
    for session in tracked(shown):
        for name in ("*", "val/elbo", "val/bound", "val/distortion", "train/loss"):
            assert session.metrics[name]["step_metric"] == "trainer/global_step"
        bounds = [row["val/elbo"] for row in session.history if "val/elbo" in row]
        assert session.summary["val/elbo"] == {"max": max(bounds), "last": bounds[-1]}
        errors = [row["val/distortion"] for row in session.history if "val/distortion" in row]
        assert session.summary["val/distortion"] == {"min": min(errors), "last": errors[-1]}
        assert session.summary["test/elbo"] == [row["test/elbo"] for row in session.history if "test/elbo" in row][-1]


def test_a_row_of_each_panel_is_logged(shown: Path) -> None:
    keys = {key for session in tracked(shown) for row in session.history for key in row}
    assert {
        "val/rate", "val/kl/0", "latent/active_units", "latent/mutual_information", "machine/examples_per_second",
        "health/active_units", "health/failed", "health/checks._type",
    } <= keys  # fmt: skip


def test_checkpoints_become_artifacts_that_name_their_files(shown: Path) -> None:
    for session in tracked(shown):
        models = [artifact for artifact in session.artifacts if artifact["type"] == "model"]
        assert [model["name"] for model in models] == [f"model-{session.run['run_id']}"] * 2
        best, last = ({*model["aliases"]} for model in models)  # W&B writes them in any order
        assert "best" in best
        assert last == {"latest"}
        files = [model["manifest"]["contents"][0] for model in models]
        assert [file["path"] for file in files] == ["best.ckpt", "last.ckpt"]
    last = Path(files[1]["local_path"]).read_bytes()  # of the last session
    assert last == (shown / "checkpoints" / "last.ckpt").read_bytes()


def test_a_collapse_is_an_alert_of_the_run(shown: Path) -> None:
    first, second = tracked(shown)
    ((alert),) = first.alerts
    assert (alert["title"], alert["level"]) == ("posterior collapse", "WARN")
    assert " nats after 8 steps; " in alert["text"]
    assert second.alerts == []  # it has been said


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
@pytest.mark.parametrize("state", ["refuses", "broken", "silent"])
def test_a_server_that_cannot_be_reached(state: str, tmp_path: Path) -> None:
    """It refuses connections, answers each request with an error, or never."""
    with TrackingServer(state) as server:
        address = {"WANDB_BASE_URL": "http://127.0.0.1:9"} if state == "refuses" else {}
        process = start(tmp_path, "train", *BRIEF, **{**server.variables, **address})
        assert_trained(tmp_path, process)
    assert said(tmp_path).count("W&B: ") == 1
    assert said(tmp_path).count("continuing offline") == 1
    (session,) = tracked(only_run(tmp_path))
    assert [row["trainer/global_step"] for row in session.history if "train/loss" in row] == list(range(8))
    assert session.config["seed"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("state", ["broken", "silent"])
def test_a_server_that_stops_answering_while_training(state: str, tmp_path: Path) -> None:
    with TrackingServer() as server:
        process = start(
            tmp_path, "train", *BRIEF, "trainer.limit_train_batches=20", "trainer.max_epochs=60", **server.variables
        )
        wait_until(process, lambda: "UpsertBucket" in dict(server.operations) and num_rows(tmp_path) > 5)
        server.state = state
        assert_trained(tmp_path, process)
    assert said(tmp_path).count("W&B: not all is uploaded after 5 seconds; upload it with `wandb sync") == 1
    rows = [row for session in tracked(only_run(tmp_path), "run-*") for row in session.history if "train/loss" in row]
    assert len(rows) == sum(bool(row["train/loss"]) for row in metrics(only_run(tmp_path)))


@pytest.mark.slow
def test_a_run_online(tmp_path: Path) -> None:
    """Its alert arrives, and its folder is that of an online run."""
    with TrackingServer() as server:
        process = start(tmp_path, "train", *SHOWN, "project=mine", **server.variables)
        assert_trained(tmp_path, process)
        (alert,) = server.asked("NotifyScriptableRunAlert")
        assert (alert["projectName"], alert["title"], alert["severity"]) == ("mine", "posterior collapse", "WARN")
        assert any(path.endswith("file_stream") for path in server.paths)
    assert said(tmp_path).count("W&B: http") == 1
    assert "continuing" not in said(tmp_path)
    assert "anonymous" not in said(tmp_path)  # a setting that W&B calls deprecated


@pytest.mark.slow
def test_a_failed_run(tmp_path: Path) -> None:
    """It has failed before W&B has started; the alert waits for that."""
    process = start(tmp_path, "train", *SHOWN, "optimizer.lr=1e30")
    assert process.wait(200) == 1
    (session,) = tracked(only_run(tmp_path))
    ((alert),) = session.alerts
    assert (alert["title"], alert["level"]) == ("run failed", "ERROR")
    assert " is not finite" in alert["text"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk(small_disk: Path) -> None:
    """Full while the only epoch is trained, and again with room for the checkpoint."""
    given = ("data.batch_size=1", "trainer.max_epochs=1", "trainer.log_every_n_steps=1", "logger=wandb")
    process = start(small_disk, "train", *SMALL, *given, "callbacks=checkpoint")
    wait_until(process, lambda: "W&B is offline" in said(small_disk))
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    time.sleep(5)
    (small_disk / "filler").unlink()
    assert_trained(small_disk, process)
    assert said(small_disk).count("W&B: No space left on device; what it cannot store is in metrics.csv only") == 1


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
