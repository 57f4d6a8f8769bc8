"""Detection of launchers from the environment, and agreement of the ranks."""

import multiprocessing
from collections.abc import Mapping
from pathlib import Path

import pytest
from rank_process import rank

from vaelab.cli import ranks
from vaelab.cli.children import free_port
from vaelab.cli.ranks import Place, from_rank_zero, place
from vaelab.errors import UserError

TORCHRUN = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "29500"}
BATCH = {
    "SLURM_JOB_ID": "7",
    "SLURM_NTASKS": "2",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODELIST": "n[3-5]",
}
SRUN = {**BATCH, "SLURM_TASK_PID": "9", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "n4"}

ENVIRONMENTS: dict[str, tuple[Mapping[str, str], Place | None]] = {
    "a shell": ({}, None),
    "one task of SLURM": ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "7"}, None),
    "SLURM_PROCID alone": ({"SLURM_PROCID": "0"}, None),
    "LOCAL_RANK alone": ({"LOCAL_RANK": "0"}, None),
    "a shell of salloc -n2": ({"SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "SLURM_NODELIST": "n3"}, None),
    "python in a script of sbatch -n2": ({**BATCH, "SLURM_TASK_PID": "9"}, None),
    "srun -n1 in an allocation of two": ({**SRUN, "SLURM_STEP_NUM_TASKS": "1"}, None),
    "srun -n2": (SRUN, Place(0, 0, 2, "n4", 15112)),
    "two tasks": ({**BATCH, "SLURM_PROCID": "1"}, Place(1, 0, 2, "n3", 15112)),
    "srun with an address": ({**SRUN, "MASTER_ADDR": "b", "MASTER_PORT": "5"}, Place(0, 0, 2, "b", 5)),
    "torchrun of one": ({**TORCHRUN, "WORLD_SIZE": "1", "RANK": "0"}, None),
    "torchrun": (TORCHRUN, Place(1, 1, 2, "a", 29500)),
    "torchrun under srun": ({**SRUN, **TORCHRUN}, Place(1, 1, 2, "a", 29500)),
    "torchrun of one under srun": ({**SRUN, **TORCHRUN, "WORLD_SIZE": "1", "RANK": "0"}, None),
    "Kubernetes": ({"WORLD_SIZE": "3", "RANK": "2", "MASTER_ADDR": "m", "MASTER_PORT": "1"}, Place(2, 0, 3, "m", 1)),
    "a stray WORLD_SIZE": ({"WORLD_SIZE": "4"}, None),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_who_starts_the_processes(name: str) -> None:
    environment, expected = ENVIRONMENTS[name]
    assert place(environment) == expected


@pytest.mark.parametrize(
    ("hosts", "first"), [("n1", "n1"), ("n1,n2", "n1"), ("n[05-09],m", "n05"), ("n[7]", "n7"), ("n[3,5]-ib", "n3-ib")]
)
def test_the_first_host_of_slurm(hosts: str, first: str) -> None:
    assert ranks.address({"SLURM_NODELIST": hosts}) == first


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"RANK": "2"}, "RANK=2 must be below WORLD_SIZE=2; unset both to run one process"),
        ({"RANK": "-1"}, "RANK=-1 must be below WORLD_SIZE=2; unset both to run one process"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two must be an integer; unset it to run one process"),
        ({"MASTER_PORT": "x"}, "MASTER_PORT=x must be an integer; unset it to run one process"),
    ],
)
def test_contradictions(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        place({**TORCHRUN, **changes})
    assert str(error.value) == sentence


def test_a_port_is_needed() -> None:
    with pytest.raises(UserError, match="MASTER_PORT is not set"):
        place({"WORLD_SIZE": "2", "RANK": "0"})


def test_one_process_needs_no_broadcast() -> None:
    assert from_rank_zero(lambda: "folder") == "folder"


def told(folder: Path, delays: dict[str, float], timeout: float = 60.0, refuses: bool = False) -> dict[str, str]:
    """What each rank that starts, after its delay, hears from rank 0."""
    context = multiprocessing.get_context("spawn")
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    processes = [
        context.Process(target=rank, args=({**where, "RANK": name}, delay, folder, timeout, refuses))
        for name, delay in delays.items()
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        process.kill()
    return {path.stem: path.read_text() for path in folder.iterdir()}


def test_all_ranks_receive_the_choices_of_rank_zero(tmp_path: Path) -> None:
    assert told(tmp_path, {"0": 0.0, "1": 1.6}) == {"0": "chosen by 0", "1": "chosen by 0"}


def test_an_error_on_rank_zero_fails_every_rank(tmp_path: Path) -> None:
    assert told(tmp_path, {"0": 1.6, "1": 0.0}, refuses=True) == dict.fromkeys("01", "refused: no such place")


def test_rank_zero_does_not_arrive(tmp_path: Path) -> None:
    (said,) = told(tmp_path, {"1": 0.0}, timeout=1.0).values()
    assert said.startswith("refused: rank 1 of 2 waited 1 seconds for rank 0 at 127.0.0.1:")
    assert said.endswith("; start all 2 processes, or unset WORLD_SIZE or SLURM_NTASKS to run one")
