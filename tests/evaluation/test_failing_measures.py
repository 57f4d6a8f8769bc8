"""A measure that raises on one process is skipped on all, and no process waits for another."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import torch
from failing import PLACES, errors, processes
from omegaconf import DictConfig

from vaelab.distributed.failure import reason

ALL = ["mse", "score", "second", "third"]


def expected(place: str, rank: int) -> tuple[list[str], list[str]]:
    """The measurements that are left, and what is said."""
    why = reason(errors()[(rank + len(place)) % 5])
    nobody = place == "nowhere" or (place == "first" and rank != 0) or (place == "other" and rank == 0)
    if nobody:
        return ALL, []
    if place == "score":
        return ["mse", "second", "third"], [f"no score: {why}"]
    return [], [f"failing is left out: {why}"]


def test_all_processes_continue_if_one_fails(small: Callable[..., DictConfig], tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.model.vae", "vaelab.evaluation.image_quality"])
    running = [context.Process(target=processes, args=(rank, small(), tmp_path)) for rank in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=120)
        process.kill()
    assert [process.exitcode for process in running] == [0, 0, 0]
    for rank in range(3):
        found = torch.load(tmp_path / f"rank{rank}.pt", weights_only=True)
        assert found == {f"{place} {failing}": expected(place, failing) for place in PLACES for failing in range(3)}
