"""Script for two processes that look up a cached file."""

from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import torch
from torch import distributed
from torchmetrics import SumMetric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.feature_cache import load_or_compute
from vaelab.storage.cache import save_cached


def pooled(context: EvaluationContext) -> dict[str, Any]:
    """Something that takes all processes."""
    metric = SumMetric()
    metric.update(10**context.rank)
    return {"value": float(metric.compute())}


def one_has_lost_its_file(context: EvaluationContext, folder: Path) -> list[float]:
    own = folder / str(context.rank)
    if context.rank == 0:
        save_cached({"value": 5.0}, own / "cached.pt")
    return [load_or_compute(context, own / "cached.pt", lambda: pooled(context))["value"] for _ in range(2)]


def one_comes_late(context: EvaluationContext, folder: Path) -> list[float]:
    sleep(0.5 * context.rank)
    value = load_or_compute(context, folder / "cached.pt", lambda: {"value": 3.0})["value"]
    return [value, pooled(context)["value"]]


def process(rank: int, folder: Path, ask: Callable[[EvaluationContext, Path], list[float]]) -> None:
    """One of two; it writes down what it was given."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    context = EvaluationContext(None, None, "test", 0, torch.device("cpu"), rank, 2)  # type: ignore[arg-type]
    torch.save(ask(context, folder), folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()
