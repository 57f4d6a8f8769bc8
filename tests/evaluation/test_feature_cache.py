"""The feature cache of several processes is used by all of them or by none."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from two_askers import one_comes_late, one_has_lost_its_file, process

from vaelab.evaluation.context import EvaluationContext


@pytest.mark.parametrize(("ask", "expected"), [(one_has_lost_its_file, [11.0, 11.0]), (one_comes_late, [3.0, 11.0])])
def test_processes_agree_on_whether_a_file_is_there(
    ask: Callable[[EvaluationContext, Path], list[float]], expected: list[float], tmp_path: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.model.vae"])
    running = [context.Process(target=process, args=(rank, tmp_path, ask)) for rank in range(2)]
    for one in running:
        one.start()
    for one in running:
        one.join(timeout=60)
        one.kill()
    assert [one.exitcode for one in running] == [0, 0]
    assert [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)] == [expected, expected]
