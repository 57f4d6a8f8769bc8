"""Two and three gloo processes give the same results as one, and stop together."""

import os
import signal
from pathlib import Path

import pytest
from commandline import (
    FAST,
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

EVIDENCE = ("callbacks=[checkpoint,evaluate]", "evaluation=[reconstruction,importance,active_units,label_fidelity]")
SPARING = ("evaluation.importance.num_samples=5", "evaluation.label_fidelity.num_samples=300")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes trained a conditional model and evaluated it."""
    folder = tmp_path_factory.mktemp("two")
    two = ("trainer=ddp_cpu", "trainer.max_epochs=2")
    process = start(folder, "train", *FAST, *EVIDENCE, *SPARING, "model=cvae", *two)
    assert process.wait(200) == 0, (folder / "err.txt").read_text()
    assert without_traceback(folder) == []
    return folder


def evaluated(folder: Path) -> dict[str, float]:
    return results(max((only_run(folder) / "evaluations").iterdir(), key=lambda path: path.stat().st_mtime_ns))


def test_both_processes_trained_on_half_an_epoch_each(folder: Path) -> None:
    steps = [row["step"] for row in metrics(only_run(folder)) if row["train/loss"]]
    assert [int(step) for step in steps] == list(range(2 * 20))  # 618 examples each in batches of 32


@pytest.mark.parametrize("changes", [["trainer=cpu"], ["trainer.devices=1", "trainer.strategy=auto"]])
def test_one_process_equals_two(folder: Path, changes: list[str]) -> None:
    assert call(folder, "evaluate", f"run={only_run(folder)}", *changes) == 0
    assert evaluated(folder) == pytest.approx(results(only_run(folder)), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(60, id="as many chunks each"),
        pytest.param(100, id="processes without examples at the end"),
    ],
)
def test_three_processes_equal_one(folder: Path, chunk: int) -> None:
    run = f"run={only_run(folder)}"
    process = start(folder, "evaluate", run, "trainer.devices=3", "trainer.strategy=auto", f"data.chunk={chunk}")
    assert process.wait(200) == 0, (folder / "err.txt").read_text()
    assert without_traceback(folder) == []
    found = evaluated(folder)
    assert call(folder, "evaluate", run, "trainer=cpu", f"data.chunk={chunk}") == 0
    assert found == pytest.approx(evaluated(folder), rel=1e-5)


@pytest.mark.slow
def test_a_signal_to_the_parent_stops_all_and_saves_once(tmp_path: Path) -> None:
    process = start(tmp_path, "train", *FAST, "trainer=ddp_cpu", "trainer.max_epochs=500")
    wait_until(process, lambda: num_rows(tmp_path) > 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    run = only_run(tmp_path).relative_to(tmp_path)
    assert without_traceback(tmp_path) == [
        f"stopped by SIGTERM, everything is saved; resume with python train.py run={run}"
    ]
    assert checkpoint(tmp_path / run)["global_step"] > 0


@pytest.mark.slow
def test_a_mistake_in_all_processes_is_printed_once(tmp_path: Path) -> None:
    process = start(tmp_path, "train", *FAST, "trainer=ddp_cpu", "optimizer.lr=1e30")
    assert process.wait(200) == 1
    (sentence,) = {line.partition(" at step")[0] for line in without_traceback(tmp_path)}
    assert sentence == "the loss became nan"


@pytest.mark.slow
def test_a_killed_process_ends_the_others(tmp_path: Path) -> None:
    process = start(tmp_path, "train", *FAST, "trainer=ddp_cpu", "trainer.max_epochs=500")
    wait_until(process, lambda: num_rows(tmp_path) > 5)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ranks = [child for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    assert len(ranks) == 2
    os.kill(int(ranks[1]), signal.SIGKILL)
    assert process.wait(60) == 137
    assert without_traceback(tmp_path) == ["a process was ended by SIGKILL, and the others with it"]
    assert checkpoint(only_run(tmp_path))["global_step"] >= 0


def test_a_process_without_examples_takes_part_in_evaluation(tmp_path: Path) -> None:
    assert call(tmp_path, "train", *FAST, "model=rae", "trainer=smoke") == 0
    run = f"run={only_run(tmp_path)}"
    measures = "evaluation=[importance,decomposition,reconstruction,active_units,probes,sample_quality]"
    one_chunk = ("data.chunk=500", "evaluation.sample_quality.num_samples=300")
    process = start(tmp_path, "evaluate", run, measures, *one_chunk, "trainer=ddp_cpu")
    assert process.wait(120) == 0, (tmp_path / "err.txt").read_text()
    found = evaluated(tmp_path)
    said = (tmp_path / "out.txt").read_text() + (tmp_path / "err.txt").read_text()
    assert said.count(" is left out: ") == 2
    assert {"reconstruction/mse", "active_units", "probe/linear", "fid/digits_cnn128-2940/n300"} <= set(found)
    assert call(tmp_path, "evaluate", run, measures, *one_chunk, "trainer=cpu") == 0
    assert found == pytest.approx(evaluated(tmp_path), rel=1e-5)
