"""The alert about a finished sweep arrives where the user is logged in, and costs nothing elsewhere."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tracking_server import TrackingServer

from vaelab.logger.sweep_alert import alert_about_sweep

SAY = "from pathlib import Path; from vaelab.logger.sweep_alert import alert_about_sweep; "
SETTINGS = {"silent": True, "console": "off", "init_timeout": 10, "finish_timeout": 8, "finish_timeout_raises": True}


def say(folder: Path, **variables: str) -> str:
    """Alert in a process of its own, whose output is returned."""
    arguments = f"'a/b', Path('sweep'), '6 of 6 jobs finished', 'mine', {SETTINGS}"
    (folder / "sweep").mkdir()
    code = SAY + f"alert_about_sweep({arguments})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def environment(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"} | variables


@pytest.mark.slow
def test_the_alert_arrives(tmp_path: Path) -> None:
    with TrackingServer() as server:
        said = say(tmp_path, **server.variables)
        (alert,) = server.asked("NotifyScriptableRunAlert")
        run = server.asked("UpsertBucket")[0]
    assert (alert["projectName"], alert["title"], alert["text"]) == (
        "mine",
        "sweep finished",
        "a/b: 6 of 6 jobs finished",
    )
    assert (run["groupName"], run["jobType"], run["displayName"]) == ("a/b", "sweep", "a/b")
    assert said.count("W&B: ") == 1


@pytest.mark.slow
def test_a_server_that_never_answers_is_left(tmp_path: Path) -> None:
    start = time.monotonic()
    with TrackingServer("silent") as server:
        said = say(tmp_path, **server.variables)
    assert said.count("continuing offline") <= 1
    assert "Traceback" not in said
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_nothing_happens_offline(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    alert_about_sweep("a", tmp_path, "done", "mine", SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_mode_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    alert_about_sweep("a", tmp_path, "done", "mine", SETTINGS)
    assert list(tmp_path.iterdir()) == []
