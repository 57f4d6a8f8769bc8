"""What has become of a run is told by its folder alone, also after a kill."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vaelab.storage.lock import acquire, is_locked, release
from vaelab.storage.status import Status, begin, end, read_status, state_of, write_status
from vaelab.storage.summary import summaries

CONFIG = "data:\n  shape: [1]\nmodel:\n  _target_: x\nchoices:\n  model: vae\n"


def test_a_locked_folder_is_running_until_it_is_released(tmp_path: Path) -> None:
    begin(tmp_path, ["seed=1"])
    assert acquire(tmp_path)
    assert is_locked(tmp_path)
    assert state_of(tmp_path) == "running"
    release(tmp_path)
    assert state_of(tmp_path) == "resumable"


def test_another_process_sees_the_lock_and_takes_nothing(tmp_path: Path) -> None:
    look = "import sys, pathlib, vaelab.storage.status as s; print(s.state_of(pathlib.Path(sys.argv[1])))"
    begin(tmp_path, [])
    assert acquire(tmp_path)
    for expected in ("running", "running"):
        found = subprocess.run([sys.executable, "-c", look, str(tmp_path)], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == expected
    release(tmp_path)


@pytest.mark.parametrize("state", ["finished", "failed", "pruned"])
def test_an_end_is_kept(tmp_path: Path, state: str) -> None:
    begin(tmp_path, ["seed=1", "latent_dim=4"])
    end(tmp_path, state, "why")
    status = read_status(tmp_path)
    assert status is not None
    assert (status.state, status.sentence, status.overrides) == (state, "why", ("seed=1", "latent_dim=4"))
    assert status.began <= status.ended
    assert state_of(tmp_path) == state


def test_a_stopped_run_can_resume_and_keeps_its_overrides(tmp_path: Path) -> None:
    begin(tmp_path, ["seed=1"])
    end(tmp_path, "stopped", "stopped by SIGTERM")
    assert state_of(tmp_path) == "resumable"
    begin(tmp_path, ["run=here"])
    status = read_status(tmp_path)
    assert status is not None
    assert (status.state, status.overrides, status.ended) == ("running", ("seed=1",), "")


def test_a_run_without_a_status_is_judged_by_its_results(tmp_path: Path) -> None:
    assert state_of(tmp_path) == "resumable"
    (tmp_path / "results.json").write_text("{}")
    assert state_of(tmp_path) == "finished"


@pytest.mark.parametrize("text", ["", "[]", '{"state": 1}', '{"state": "x", "overrides": 3}', "{", '{"other": 1}'])
def test_a_damaged_status_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "status.json").write_text(text)
    assert read_status(tmp_path) is None
    assert state_of(tmp_path) == "resumable"


def test_summaries_are_in_natural_order_and_hold_early_failures(tmp_path: Path) -> None:
    for number in (10, 9):
        folder = tmp_path / str(number)
        (folder / "evaluations" / "now").mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "evaluations" / "now" / "config.yaml").write_text(CONFIG)
        (folder / "results.json").write_text(json.dumps({"elbo": {"value": -number}, "fid": {"value": None}}))
        write_status(folder, Status("finished", (f"seed={number}", "latent_dim=4")))
    write_status(tmp_path / "11", Status("failed", ("seed=11",), "no such value"))
    found = summaries(tmp_path)
    assert [one.run.folder.name for one in found] == ["9", "10", "11"]
    assert [one.state for one in found] == ["finished", "finished", "failed"]
    assert [one.figures for one in found] == [{"elbo": -9.0}, {"elbo": -10.0}, {}]
    assert found[0].varying == ("latent_dim=4",)
    assert found[2].sentence == "no such value"
