"""Metrics of synthetic values, on one process or on a shard."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, distributed
from torch.distributions import Independent, Normal
from torchmetrics import Metric

from vaelab.evaluation.reconstruction import ReconstructionError
from vaelab.metric.elbo import ELBOMetric
from vaelab.metric.group_kl import GroupKL
from vaelab.metric.moments import Moments, Summary
from vaelab.terms import Terms

NUM_EXAMPLES, CHUNK = 10_007, 1000

Numbers = dict[str, Tensor]


def numbers() -> Numbers:
    """What metrics are fed with, N rows each, float32 and far from zero as log-densities are."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.rand(NUM_EXAMPLES, *shape, generator=generator)  # noqa: E731
    return {
        "log_px": -500 - 900 * draw(2),
        "kl": 30 * draw(3),
        "x": draw(1, 2, 2),
        "mean": draw(1, 2, 2),
        "bound": -700 - 50 * draw(),
        "y": (3 * draw()).long(),
    }


def evidence(metric: ELBOMetric, rows: Numbers) -> None:
    normal = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    log_px = rows["log_px"].T
    measurements = {name: rows[name] for name in ("level",) if name in rows}
    metric.update(Terms(log_px, log_px, log_px, rows["kl"], (), normal, normal, rows["x"], diagnostics=measurements))


METRICS: dict[str, tuple[Callable[[], Metric], Callable[..., None]]] = {
    "evidence": (ELBOMetric, evidence),
    "group_kl": (GroupKL, lambda metric, rows: metric.update(rows["kl"])),
    "reconstruction": (ReconstructionError, lambda metric, rows: metric.update(rows["x"], rows["mean"])),
    "moments": (lambda: Moments(["bound", "y"]), lambda metric, rows: metric.update(rows)),
    "moments_of_vectors": (lambda: Moments(["kl"], [3]), lambda metric, rows: metric.update(rows)),
}


def result(name: str, given: Numbers, chunk: int, rank: int = 0, world_size: int = 1) -> list[float]:
    """Everything that a metric says of all rows, from those chunks that are this process's."""
    make, update = METRICS[name]
    metric = make()
    for start in list(range(0, NUM_EXAMPLES, chunk))[rank::world_size]:
        update(metric, {key: rows[start : start + chunk] for key, rows in given.items()})
    return flat(metric.compute())


def flat(value: object) -> list[float]:
    if isinstance(value, Summary):
        value = [(value.num, value.mean(name), value.error(name)) for name in value.sums]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [number for one in value for number in flat(one)]
    return value.flatten().tolist() if isinstance(value, Tensor) else [float(value)]


def processes(rank: int, folder: Path) -> None:
    """One of three processes: every metric on the first 1, 2 and 3 of them."""
    torch.set_num_threads(1)
    given, found = numbers(), {}
    for world_size in (1, 2, 3):
        if rank >= world_size:
            continue
        distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/store{world_size}", rank=rank, world_size=world_size
        )
        found[world_size] = {name: result(name, given, CHUNK, rank, world_size) for name in METRICS}
        distributed.destroy_process_group()
    torch.save(found, folder / f"rank{rank}.pt")
