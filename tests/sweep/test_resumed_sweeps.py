"""A sweep that was stopped goes on by the same command, and ends as if nothing had happened."""

import json
import shutil
from pathlib import Path

import pytest
from commandline import FAST, call
from swept import figures

from vaelab.storage.status import begin, read_status
from vaelab.storage.summary import summaries

BRIEF = (*FAST, "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction", "trainer.max_epochs=1")
SWEEP = ("-m", "seed=0,1", "optimizer.lr=0.01,0.1", *BRIEF)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    assert call(folder, "train", *SWEEP, "sweep=whole") == 0
    return folder / "outputs" / "sweeps" / "whole"


def test_a_second_call_runs_nothing(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*.ckpt")}
    assert call(whole.parents[2], "train", *SWEEP, "sweep=whole") == 0
    assert "4 of 4 jobs have finished; 0 are left" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*.ckpt")} == before


def test_missing_jobs_are_run_and_the_table_is_the_same(whole: Path, tmp_path: Path) -> None:
    """Of a sweep that was killed: one job has never begun, one was killed before its results."""
    shutil.copytree(whole, tmp_path / "outputs/sweeps/whole")
    sweep = tmp_path / "outputs/sweeps/whole"
    shutil.rmtree(sweep / "3")
    (sweep / "1" / "results.json").unlink()
    begin(sweep / "1")
    trained = (sweep / "1" / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    assert [one.state for one in summaries(sweep)] == ["finished", "resumable", "finished"]
    assert call(tmp_path, "train", *SWEEP, "sweep=whole") == 0
    assert figures(sweep) == figures(whole)
    assert (sweep / "1" / "checkpoints" / "last.ckpt").stat().st_mtime_ns == trained  # only the evaluation was left


def test_values_may_be_added(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "outputs/sweeps/whole")
    more = [one.replace("seed=0,1", "seed=2,1,0") for one in SWEEP]
    assert call(tmp_path, "train", *more, "sweep=whole") == 0
    found = summaries(tmp_path / "outputs/sweeps/whole")
    assert [one.run.folder.name for one in found] == ["0", "1", "2", "3", "4", "5"]
    assert [one.overrides[0] for one in found] == ["seed=0", "seed=0", "seed=1", "seed=1", "seed=2", "seed=2"]


def test_other_settings_get_another_folder(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(whole.parents[2], "train", "-m", "seed=0", *BRIEF, "optimizer.lr=0.1", "sweep=whole") == 0
    assert (whole.parent / "whole_2" / "0" / "results.json").is_file()


def test_a_failed_job_is_recorded_the_others_go_on_and_it_is_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = ("-m", "optimizer.lr=1e30,0.01", *BRIEF, "sweep=tried")
    for _ in range(2):
        assert call(tmp_path, "train", *jobs) == 1
        assert "1 of 2 jobs failed: " in capsys.readouterr().err
        failed, finished = summaries(tmp_path / "outputs/sweeps/tried")
        assert (failed.state, finished.state) == ("failed", "finished")
        assert "the loss became" in failed.sentence
        status = read_status(failed.run.folder)
        assert status is not None
        assert "optimizer.lr=1e+30" in status.overrides


def test_a_recipe_names_its_sweep_and_may_be_renamed(tmp_path: Path) -> None:
    one = ("-m", "sweep=beta", "objective.beta=4", "seed=0", *BRIEF, "trainer.max_steps=2", "trainer.max_epochs=-1")
    assert call(tmp_path, "train", *one) == 0
    assert call(tmp_path, "train", *one, "sweep_name=mine") == 0
    assert sorted(path.name for path in (tmp_path / "outputs/sweeps").iterdir()) == ["beta-digits", "mine"]
    results = json.loads((tmp_path / "outputs/sweeps/mine/0/results.json").read_text())
    assert results["elbo"]["checkpoint"]["step"] == 2
