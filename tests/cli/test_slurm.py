"""A real SLURM: signals save, and a requeued job resumes in its folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, missing
from commandline import FAST, assert_same, call, checkpoint, last_of_each, metrics, num_rows, only_run, results

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "SLURM is here")]

TRAIN = (*FAST, "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction", "trainer.max_epochs=30")
BATCHES = 39


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run without a break."""
    folder = tmp_path_factory.mktemp("whole")
    assert call(folder, "train", *TRAIN) == 0
    return only_run(folder)


def script(folder: Path, launcher: str, *arguments: str) -> str:
    """Trains in `folder`, through srun or as it is."""
    train = f"{launcher} {sys.executable} -m vaelab.cli.main train {' '.join(map(repr, last_of_each(arguments)))}"
    return f"cd {folder}\nexport OMP_NUM_THREADS=1\n{train} >> out.txt 2>> err.txt\necho $? >> statuses.txt"


def submit(cluster: Cluster, folder: Path, launcher: str, *arguments: str) -> str:
    return cluster.submit(
        script(folder, launcher, *arguments), "--requeue", "-n2", "--partition=low", "--output=/dev/null"
    )


def go_on(cluster: Cluster, job: str) -> None:
    cluster.restart(job)
    cluster.wait(lambda: not cluster.state(job), 240)


def assert_same_run(run: Path, whole: Path) -> None:
    for key in ("state_dict", "optimizer_states", "global_step"):
        assert_same(checkpoint(run)[key], checkpoint(whole)[key], key)
    assert metrics(run) == metrics(whole)
    assert results(run) == results(whole)


def test_sigusr1_requeues_into_the_same_folder(cluster: Cluster, whole: Path, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "srun -n1", *TRAIN)
    cluster.wait(lambda: num_rows(tmp_path) > 20)
    cluster.call("scancel", "--signal=USR1", job)
    go_on(cluster, job)
    assert f"SLURM runs job {job} again, which resumes there" in (tmp_path / "err.txt").read_text()
    assert_same_run(only_run(tmp_path), whole)


def test_sigusr1_to_two_tasks(cluster: Cluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "srun -n2 --overcommit", *TRAIN, "trainer=ddp_cpu", "trainer.max_epochs=4")
    cluster.wait(lambda: num_rows(tmp_path) > 10)
    cluster.call("scancel", "--signal=USR1", job)
    go_on(cluster, job)
    run = only_run(tmp_path)
    assert (tmp_path / "err.txt").read_text().count("everything is saved") == 1
    assert [int(row["step"]) for row in metrics(run) if row["train/loss"]] == list(range(4 * 20))
    assert (run / "results.json").is_file()


def test_a_preempted_job_resumes(cluster: Cluster, whole: Path, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "srun -n1", *TRAIN)
    cluster.wait(lambda: num_rows(tmp_path) > 20)
    cluster.submit("sleep 1", "-n2", "--partition=high", "--output=/dev/null")
    go_on(cluster, job)
    assert "stopped by SIGTERM, everything is saved" in (tmp_path / "err.txt").read_text()
    assert_same_run(only_run(tmp_path), whole)


def test_a_cancelled_job_saves_and_stays_cancelled(cluster: Cluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "srun -n1", *TRAIN)
    cluster.wait(lambda: num_rows(tmp_path) > 20)
    cluster.call("scancel", job)
    cluster.wait(lambda: not cluster.state(job))
    assert "stopped by SIGTERM, everything is saved" in (tmp_path / "err.txt").read_text()
    assert checkpoint(only_run(tmp_path))["global_step"] > 0


def test_plain_python_in_a_batch_script_starts_its_own_processes(cluster: Cluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, "", *FAST, "trainer=ddp_cpu", "trainer.max_epochs=1")
    cluster.wait(lambda: not cluster.state(job), 240)
    assert (tmp_path / "statuses.txt").read_text() == "0\n", (tmp_path / "err.txt").read_text()
    assert (only_run(tmp_path) / "results.json").is_file()
