"""A sweep in several processes that is stopped or killed goes on, and its table is that of an undisturbed one."""

import signal
import subprocess
from pathlib import Path

import pytest
from commandline import FAST, start, tracked, wait_until, without_traceback
from swept import figures

from vaelab.storage.summary import summaries

pytestmark = pytest.mark.slow

EVALUATED = ("callbacks=[checkpoint,evaluate]", "evaluation=reconstruction", "logger=[csv,wandb]")
SWEEP = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1,2,3", *FAST, *EVALUATED)
WHOLE = (*SWEEP, "trainer.max_epochs=20", "sweep=four")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder, "train", *WHOLE)
    assert process.wait(400) == 0, (folder / "err.txt").read_text()
    return folder / "outputs/sweeps/four"


def run_half(folder: Path) -> tuple[subprocess.Popen, Path]:
    """A sweep of which a job has ended and another has trained for some epochs."""
    process, sweep = start(folder, "train", *WHOLE), folder / "outputs/sweeps/four"

    def is_half() -> bool:
        running = [one for one in summaries(sweep) if one.state == "running"]
        ended = any(one.state == "finished" for one in summaries(sweep))
        return ended and any(
            len((one.run.metrics_file).read_text().splitlines()) > 200
            for one in running
            if one.run.metrics_file.exists()
        )

    wait_until(process, is_half, 300)
    return process, sweep


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_sweep_goes_on_after(signum: int, whole: Path, tmp_path: Path) -> None:
    process, sweep = run_half(tmp_path)
    process.send_signal(signum)
    assert process.wait(120) == (-signum if signum == signal.SIGKILL else 128 + signum)
    if signum != signal.SIGKILL:
        assert "resume the sweep by the same command with sweep=four" in "".join(without_traceback(tmp_path))
        assert "running" not in [one.state for one in summaries(sweep)]
    again = start(tmp_path, "train", *WHOLE)
    assert again.wait(400) == 0, (tmp_path / "err.txt").read_text()
    assert "of 4 jobs have finished" in (tmp_path / "out.txt").read_text()
    assert figures(sweep) == figures(whole)
    sessions = [tracked(one.run.folder) for one in summaries(sweep)]
    assert sorted(map(len, sessions))[-1] == 2
    for each in sessions:
        assert len({session.run["run_id"] for session in each}) == 1
