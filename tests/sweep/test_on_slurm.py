"""A sweep on a real SLURM: a preempted job resumes, and the figures are those of a local sweep."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, missing
from commandline import FAST, call, start
from swept import figures

from vaelab.storage.status import read_status
from vaelab.storage.summary import summaries
from vaelab.sweep.plan import plan

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "SLURM is here")]

EVALUATED = ("callbacks=[checkpoint,evaluate]", "evaluation=reconstruction")
SWEEP = ("-m", "seed=0,1,2,3", *FAST, *EVALUATED, "trainer.max_epochs=30", "sweep=four")
ON_SLURM = ("hydra/launcher=slurm", "hydra.launcher.partition=low")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


def rows(sweep: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in sweep.glob("*/metrics.csv"))


def environment(cluster: Cluster) -> dict[str, str]:
    return {"SLURM_CONF": cluster.environment["SLURM_CONF"]}


def start_requeued(cluster: Cluster) -> None:
    """Let jobs that were requeued start at once, and not after SLURM's two minutes."""
    for line in cluster.call("squeue", "-h", "-t", "PENDING", "-o", "%A %r").splitlines():
        job, _, reason = line.partition(" ")
        if reason == "BeginTime":
            cluster.call("scontrol", "update", f"job={job}", "StartTime=now")


def test_a_preempted_job_of_a_sweep_resumes(cluster: Cluster, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    process = start(there, "train", *SWEEP, *ON_SLURM, **environment(cluster))
    sweep = there / "outputs/sweeps/four"
    cluster.wait(lambda: rows(sweep) > 40)
    running = [one.run.folder for one in summaries(sweep) if one.state == "running"]
    cluster.submit("sleep 1", "-n2", "--partition=high", "--output=/dev/null")
    cluster.wait(lambda: any(one.state == "resumable" for one in summaries(sweep)))
    stopped = [one for one in summaries(sweep) if one.run.folder in running and one.state == "resumable"]
    assert all("everything is saved" in one.sentence for one in stopped)

    def has_ended() -> bool:
        start_requeued(cluster)
        return process.poll() is not None

    cluster.wait(has_ended, 400)
    assert process.returncode == 0, (there / "err.txt").read_text()
    assert call(here, "train", *SWEEP) == 0
    assert [one.state for one in summaries(sweep)] == ["finished"] * 4
    assert figures(sweep) == figures(here / "outputs/sweeps/four")


def test_a_job_that_was_cancelled_before_it_began_is_submitted_again(cluster: Cluster, tmp_path: Path) -> None:
    brief = [one.replace("seed=0,1,2,3", "seed=0,1").replace("max_epochs=30", "max_epochs=1") for one in SWEEP]
    slurm = (*brief, *ON_SLURM, "hydra.launcher.wait=false")
    begin = "+hydra.launcher.additional_parameters.begin=now+1hour"
    later = start(tmp_path, "train", *slurm, begin, **environment(cluster))
    assert later.wait(120) == 0, (tmp_path / "err.txt").read_text()
    sweep = tmp_path / "outputs/sweeps/four"
    assert [one.state for one in summaries(sweep)] == ["submitted"] * 2
    with pytest.MonkeyPatch.context() as here:
        here.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
        assert [job.is_left for job in plan(sweep, [one.overrides for one in summaries(sweep)], True)] == [False] * 2
        cluster.call("scancel", "--state=PENDING", "--user=root")
        cluster.wait(lambda: not cluster.call("squeue", "-h").strip())
        assert [job.is_left for job in plan(sweep, [one.overrides for one in summaries(sweep)], True)] == [True] * 2
    again = start(tmp_path, "train", *slurm, **environment(cluster))
    assert again.wait(120) == 0, (tmp_path / "err.txt").read_text()
    cluster.wait(lambda: [one.state for one in summaries(sweep)] == ["finished"] * 2, 200)


def test_submit_and_leave(cluster: Cluster, tmp_path: Path) -> None:
    one = [*SWEEP, *ON_SLURM, "hydra.launcher.wait=false"]
    brief = [word.replace("seed=0,1,2,3", "seed=0,1").replace("max_epochs=30", "max_epochs=1") for word in one]
    process = start(tmp_path, "train", *brief, **environment(cluster))
    assert process.wait(120) == 0, (tmp_path / "err.txt").read_text()
    assert "vaelab runs sweep=four" in (tmp_path / "out.txt").read_text()
    sweep = tmp_path / "outputs/sweeps/four"
    states = [one.state for one in summaries(sweep)]
    assert set(states) <= {"submitted", "running", "finished"}
    status = read_status(sweep / "0")
    assert status is not None
    again = start(tmp_path, "train", *brief, **environment(cluster))
    assert again.wait(200) == 0, (tmp_path / "err.txt").read_text()
    cluster.wait(lambda: [one.state for one in summaries(sweep)] == ["finished"] * 2, 200)
