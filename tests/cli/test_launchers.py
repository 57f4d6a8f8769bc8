"""Every launcher, and killed processes: one run, one message, and no process left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import (
    FAST,
    checkpoint,
    last_of_each,
    num_rows,
    only_run,
    results,
    start,
    wait_until,
    without_traceback,
)

from vaelab.cli.children import free_port

PAIR = (*FAST, "trainer=ddp_cpu")
LONG = (*PAIR, "trainer.max_epochs=500")
BRIEF = (*FAST, "trainer=smoke", "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction")
pytestmark = pytest.mark.slow


def start_ranks(folder: Path, *arguments: str, delay: float = 0.0, **variables: str) -> list[subprocess.Popen]:
    """Two ranks that somebody else starts, the second after a delay; what they say goes into folders of their own."""
    port, ranks = str(free_port()), []
    for rank in "01":
        where = {"WORLD_SIZE": "2", "RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        ranks.append(start_rank(folder, rank, arguments, {**where, **variables}))
        time.sleep(delay)
    return ranks


def start_rank(folder: Path, rank: str, arguments: tuple[str, ...], variables: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "vaelab.cli.main", "train", *last_of_each(arguments)],
        cwd=folder,
        stdout=(folder / f"out{rank}.txt").open("w"),
        stderr=(folder / f"err{rank}.txt").open("w"),
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
    )


def said(folder: Path) -> list[str]:
    """What both ranks said on standard error."""
    text = "".join((folder / f"err{rank}.txt").read_text() for rank in "01")
    assert "Traceback" not in text, text
    return [line for line in text.splitlines() if line]


def ranks_of(pid: int) -> list[int]:
    """The processes that joined to train, among the children of a launcher."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children}
    return [child for child, line in lines.items() if "spawn_main" in line or "vaelab" in line]


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_for(moment: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not moment() and time.monotonic() < deadline:
        time.sleep(0.1)
    return moment()


@pytest.mark.parametrize("delay", [0.0, 1.6, 5.0])
def test_ranks_started_one_after_the_other_share_a_run(tmp_path: Path, delay: float) -> None:
    ranks = start_ranks(tmp_path, *PAIR, "trainer.max_epochs=1", "callbacks=[checkpoint]", delay=delay)
    assert [rank.wait(200) for rank in ranks] == [0, 0], said(tmp_path)
    run = only_run(tmp_path)
    assert said(tmp_path) == []
    assert (run / "results.json").is_file()
    assert (tmp_path / "out1.txt").read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("data.batch_size=0",), 1, "data.batch_size"),
        (("optimizer.lr=1e30",), 1, "the loss became nan"),
        (("trainer=cpu",), 1, "2 processes were started, but trainer.devices=1 on trainer.num_nodes=1 asks for 1"),
        (("model=none",), 2, "no model 'none'"),
    ],
)
def test_an_error_on_one_rank_fails_all_with_one_message(
    tmp_path: Path, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    ranks = start_ranks(tmp_path, *PAIR, *arguments)
    assert [rank.wait(120) for rank in ranks] == [status, status], said(tmp_path)
    lines = said(tmp_path)
    assert len([line for line in lines if not line.startswith(" ")]) == 1
    assert sentence in "\n".join(lines)


def test_a_killed_rank_ends_the_other(tmp_path: Path) -> None:
    for victim in (1, 0):
        folder = tmp_path / str(victim)
        folder.mkdir()
        ranks = start_ranks(folder, *LONG)
        wait_until(ranks[0], lambda folder=folder: num_rows(folder) > 5)
        ranks[victim].kill()
        assert ranks[1 - victim].wait(60) == 1
        assert "Traceback" not in (folder / f"err{1 - victim}.txt").read_text() or victim == 1


def test_a_signal_to_one_rank_stops_both(tmp_path: Path) -> None:
    ranks = start_ranks(tmp_path, *LONG)
    wait_until(ranks[0], lambda: num_rows(tmp_path) > 5)
    ranks[1].send_signal(signal.SIGINT)
    assert [rank.wait(60) for rank in ranks] == [130, 130]
    run = only_run(tmp_path).relative_to(tmp_path)
    assert said(tmp_path) == [f"stopped by SIGINT, everything is saved; resume with python train.py run={run}"]


def test_a_multirun_of_ranks(tmp_path: Path) -> None:
    jobs = ("-m", "seed=0,1", "sweep=two", "trainer.max_epochs=1")
    ranks = start_ranks(tmp_path, *jobs, *PAIR, delay=1.2)
    assert [rank.wait(300) for rank in ranks] == [0, 0], said(tmp_path)
    assert len({str(results(tmp_path / "outputs/sweeps/two" / number)) for number in "01"}) == 2


def torchrun(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={free_port()}"]
    return subprocess.Popen(
        [*command, "-m", "vaelab.cli.main", "train", *arguments],
        cwd=folder,
        stdout=(folder / "out.txt").open("w"),
        stderr=(folder / "err.txt").open("w"),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_torchrun(tmp_path: Path) -> None:
    assert torchrun(tmp_path, *PAIR, "trainer.max_epochs=1").wait(200) == 0, (tmp_path / "err.txt").read_text()
    assert (only_run(tmp_path) / "results.json").is_file()


def test_torchrun_on_two_nodes(tmp_path: Path) -> None:
    """Two agents on this machine, with one process each, meet as those of two machines do."""
    endpoint = f"--rdzv-endpoint=127.0.0.1:{free_port()}"
    agent = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", endpoint]
    job = last_of_each([*PAIR, "trainer.devices=1", "trainer.num_nodes=2", "trainer.max_epochs=1"])
    agents = [
        subprocess.Popen(
            [sys.executable, *agent, "-m", "vaelab.cli.main", "train", *job],
            cwd=tmp_path,
            stderr=(tmp_path / f"err{number}.txt").open("w"),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for number in range(2)
    ]
    assert [each.wait(200) for each in agents] == [0, 0], said(tmp_path)
    assert (only_run(tmp_path) / "results.json").is_file()


@pytest.mark.parametrize("launcher", ["torchrun", "our own"])
def test_ranks_save_and_end_when_their_launcher_is_killed(tmp_path: Path, launcher: str) -> None:
    process = torchrun(tmp_path, *LONG) if launcher == "torchrun" else start(tmp_path, "train", *LONG)
    wait_until(process, lambda: num_rows(tmp_path) > 30)
    ranks = ranks_of(process.pid)
    assert len(ranks) == 2
    killed = time.time()
    process.kill()
    assert wait_for(lambda: not any(map(is_alive, ranks)), 30)
    last = only_run(tmp_path) / "checkpoints" / "last.ckpt"
    assert last.stat().st_mtime > killed
    assert checkpoint(only_run(tmp_path))["global_step"] > 0


def test_a_signal_to_torchrun_saves(tmp_path: Path) -> None:
    process = torchrun(tmp_path, *LONG)
    wait_until(process, lambda: num_rows(tmp_path) > 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    assert "stopped by SIGTERM, everything is saved" in (tmp_path / "err.txt").read_text()


def test_a_signal_to_one_of_our_own_ranks_stops_both(tmp_path: Path) -> None:
    process = start(tmp_path, "train", *LONG)
    wait_until(process, lambda: num_rows(tmp_path) > 5)
    os.kill(ranks_of(process.pid)[1], signal.SIGTERM)
    assert process.wait(60) == 143
    (line,) = without_traceback(tmp_path)
    assert line.startswith("stopped by SIGTERM, everything is saved")


ONE_TASK = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", "SLURM_NODEID": "0"}


@pytest.mark.parametrize("variables", [{"SLURM_PROCID": "0"}, ONE_TASK, {"LOCAL_RANK": "0"}])
@pytest.mark.parametrize("jobs", [(), ("-m", "seed=0,1", "sweep=two")])
def test_one_task_starts_its_own_processes(tmp_path: Path, variables: dict[str, str], jobs: tuple[str, ...]) -> None:
    process = start(tmp_path, "train", *jobs, *PAIR, "trainer.max_epochs=1", **variables)
    assert process.wait(300) == 0, (tmp_path / "err.txt").read_text()
    assert without_traceback(tmp_path) == []
    assert len(list(tmp_path.rglob("results.json"))) == max(1, len(jobs) - 1)


@pytest.fixture(scope="module")
def joblib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three jobs in two processes of joblib, of which one cannot work."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    folder = tmp_path_factory.mktemp("joblib")
    jobs = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "optimizer.lr=0.1,0.01", "trainer.devices=1,0")
    same = ",".join([*(one.partition("=")[0] for one in BRIEF), "sweep"])
    names = (
        "hydra.sweep.subdir=${hydra.job.override_dirname}",
        f"hydra.job.config.override_dirname.exclude_keys=[{same}]",
    )
    process = start(folder, "train", *jobs, *BRIEF, *names, "sweep=tried")
    assert process.wait(300) == 1, (folder / "err.txt").read_text()
    return folder


def test_a_job_that_failed_in_another_process_is_reported(joblib: Path) -> None:
    assert "trainer.devices=0" in "".join(without_traceback(joblib))
    assert len(list((joblib / "outputs/sweeps/tried").glob("*/results.json"))) == 2


def test_the_table_has_the_jobs_of_any_folder_name(joblib: Path) -> None:
    table = (joblib / "out.txt").read_text()
    assert "optimizer.lr=0.1" in table
    assert "optimizer.lr=0.01" in table


def test_a_sweeper_gets_the_best_validation_elbo(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    optuna = ("hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=3")
    space = ("hydra.sweeper.n_jobs=1", "optimizer.lr=interval(0.0001,0.1)", "sweep=found")
    process = start(tmp_path, "train", "-m", *optuna, *space, *BRIEF)
    assert process.wait(300) == 0, (tmp_path / "err.txt").read_text()
    sweep = tmp_path / "outputs/sweeps/found"
    values = [float(score(sweep / number)) for number in "012"]
    best = [line for line in (sweep / "optimization_results.yaml").read_text().splitlines() if "best_value" in line]
    assert float(best[0].partition(":")[2]) == pytest.approx(max(values))


def score(run: Path) -> float:
    """The watched value that the best checkpoint knows of itself."""
    (state,) = [state for key, state in checkpoint(run)["callbacks"].items() if "BestCheckpoint" in key]
    return state["best_model_score"]
