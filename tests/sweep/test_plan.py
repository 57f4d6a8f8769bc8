"""A sweep starts what is missing: finished jobs stay, the others keep their folders."""

from pathlib import Path

import pytest

from vaelab.storage.lock import acquire, release
from vaelab.storage.status import Status, write_status
from vaelab.sweep.plan import Job, as_overrides, plan

BETAS = [(f"beta={beta}", f"seed={seed}") for beta in (1, 2) for seed in (0, 1)]


def test_a_new_sweep_leaves_the_numbers_to_hydra(tmp_path: Path) -> None:
    jobs = plan(tmp_path, BETAS, numbered=True)
    assert jobs == [Job(one) for one in BETAS]
    assert [as_overrides(job) for job in jobs] == [list(one) for one in BETAS]


def test_what_has_ended_well_stays_and_the_rest_keeps_its_folder(tmp_path: Path) -> None:
    for number, state in enumerate(("finished", "failed", "stopped", "pruned")):
        write_status(tmp_path / str(number), Status(state, BETAS[number]))
    jobs = plan(tmp_path, BETAS, numbered=True)
    assert [(job.folder, job.state) for job in jobs] == [
        ("0", "finished"),
        ("1", "failed"),
        ("2", "resumable"),
        ("3", "pruned"),
    ]
    assert [job.is_left for job in jobs] == [False, True, True, False]
    assert as_overrides(jobs[2]) == [*BETAS[2], "hydra.sweep.subdir='2'"]


def test_added_values_get_free_numbers(tmp_path: Path) -> None:
    write_status(tmp_path / "0", Status("finished", ("beta=2", "seed=0")))
    (tmp_path / "1").mkdir()  # somebody's
    jobs = plan(tmp_path, BETAS, numbered=True)
    assert [job.folder for job in jobs] == ["2", "3", "0", "4"]
    assert [job.is_left for job in jobs] == [True, True, False, True]


def test_the_name_of_a_sweep_does_not_make_another_job_of_it(tmp_path: Path) -> None:
    write_status(tmp_path / "0", Status("finished", BETAS[0]))
    (job,) = plan(tmp_path, [(*BETAS[0], "sweep_name=given")], numbered=True)
    assert not job.is_left


def test_a_job_that_is_running_elsewhere_is_left_alone(tmp_path: Path) -> None:
    write_status(tmp_path / "0", Status("running", BETAS[0]))
    assert acquire(tmp_path / "0")
    (job,) = plan(tmp_path, BETAS[:1], numbered=True)
    release(tmp_path / "0")
    assert (job.state, job.is_left) == ("running", False)


def test_the_same_combination_twice_is_one_job(tmp_path: Path) -> None:
    assert len(plan(tmp_path, [BETAS[0], BETAS[0]], numbered=True)) == 1


def test_a_submitted_job_that_no_cluster_has_is_submitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_status(tmp_path / "0", Status("submitted", BETAS[0], job="7"))
    monkeypatch.setenv("PATH", str(tmp_path))  # where no squeue is
    (job,) = plan(tmp_path, BETAS[:1], numbered=True)
    assert (job.folder, job.is_left) == ("0", True)
