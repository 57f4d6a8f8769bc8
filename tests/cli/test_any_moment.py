"""Signals at random moments, from the first import to the last file: no signal is lost, and no run."""

import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import (
    FAST,
    assert_same,
    call,
    checkpoint,
    metrics,
    only_run,
    results,
    start,
    wait_until,
    without_traceback,
)

pytestmark = pytest.mark.slow

TRAIN = (
    *FAST,
    "callbacks=[checkpoint,kl_annealing,ema,evaluate,health_check]",
    "evaluation=[reconstruction,importance]",
    "kl.steps=50",
    "scheduler=cosine",
    "scheduler.T_max=6",
    "trainer.max_epochs=3",
)
# SIGHUP reaches no process that was started under nohup.
SIGNALS = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]


@dataclass(frozen=True)
class Whole:
    """A run without a break, and how long it took."""

    run: Path
    seconds: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    begun = time.monotonic()
    assert start(folder, "train", *TRAIN).wait(300) == 0
    return Whole(only_run(folder), time.monotonic() - begun)


def stop_at(process: subprocess.Popen, moment: float, chance: random.Random) -> list[int]:
    """Send one to three signals from a moment on, or none where the process has ended before."""
    time.sleep(moment)
    sent: list[int] = []
    for _ in range(chance.randint(1, 3)):
        if process.poll() is None:
            sent.append(chance.choice(SIGNALS))
            process.send_signal(sent[-1])
            time.sleep(chance.random() / 10)
    return sent


def was_heard(process: subprocess.Popen, sent: list[int], folder: Path) -> bool:
    """Whether the first signal decided, with its status and one sentence; else Python began or had all but ended."""
    status = process.wait(120)
    if not sent or status != 128 + sent[0]:
        assert status == 0 or -status in sent
        return False
    said = without_traceback(folder)
    assert said[0].startswith(f"stopped by {signal.Signals(sent[0]).name}"), said
    assert len(said) <= 2, said
    return True


@pytest.mark.parametrize("seed", range(20))
def test_training(whole: Whole, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    process = start(tmp_path, "train", *TRAIN)
    sent = stop_at(process, whole.seconds * (seed + chance.random()) / 20, chance)
    heard, runs = was_heard(process, sent, tmp_path), list(tmp_path.glob("outputs/*/*"))
    assert heard or not runs or (runs[0] / "results.json").is_file()
    if runs:
        assert call(tmp_path, "train", f"run={runs[0]}") == 0
        for key in ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "global_step"):
            assert_same(checkpoint(runs[0])[key], checkpoint(whole.run)[key], key)
        assert metrics(runs[0]) == metrics(whole.run)
        assert results(runs[0]) == results(whole.run)


@pytest.mark.parametrize("seed", range(6))
def test_an_evaluation(whole: Whole, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    before = files(whole.run)
    process = start(tmp_path, "evaluate", f"run={whole.run}")
    was_heard(process, stop_at(process, whole.seconds * (seed + chance.random()) / 6, chance), tmp_path)
    assert files(whole.run) == before


def files(run: Path) -> dict[str, bytes]:
    """What a run holds, but for the lock, which says who had it last."""
    return {path.name: path.read_bytes() for path in run.iterdir() if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("milliseconds", range(0, 250, 50))
def test_just_after_the_folder_is_made(tmp_path: Path, milliseconds: int) -> None:
    process = start(tmp_path, "train", *TRAIN)
    wait_until(process, lambda: bool(list(tmp_path.glob("outputs/*/*"))))
    time.sleep(milliseconds / 1000)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert without_traceback(tmp_path) == ["stopped by SIGTERM"]
    assert not (tmp_path / "outputs").exists()
