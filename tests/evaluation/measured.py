"""Script of test_measures_of_processes.py for three processes: every measure on 10,007 examples, over gloo."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import distributed

from vaelab.config import build
from vaelab.data.examples import Examples
from vaelab.data.module import DataModule
from vaelab.evaluation.context import EvaluationContext

NUM_TRAIN, NUM_TEST, CHUNK = 2000, 10_007, 1000

Found = dict[str, float]


class Blots:
    """Images of 8 x 8 in three classes, each bright in its own corner."""

    def prepare(self) -> None: ...

    def load(self, part: str) -> Examples:
        generator = torch.Generator().manual_seed(len(part))
        num = NUM_TRAIN + 1 if part == "train" else NUM_TEST
        y = torch.randint(0, 3, (num,), generator=generator)
        x = torch.randint(0, 120, (num, 1, 8, 8), generator=generator)
        for label, (row, column) in enumerate([(0, 0), (0, 4), (4, 4)]):
            x[y == label, :, row : row + 4, column : column + 4] += 100
        return Examples(x.to(torch.uint8), y)


def context(config: DictConfig) -> EvaluationContext:
    """A model of the given config on the blots, as one process alone sees it."""
    node = config.data
    data = DataModule(
        source=Blots(),
        shape=node.shape,
        num_classes=3,
        batch_size=256,
        chunk=CHUNK,
        num_validation=1,
        split_seed=0,
        scale="unit",
        binarization="static",
        dequantization=False,
        num_workers=0,
        seed=0,
    )
    torch.manual_seed(0)
    latent = build(config.model).latent.eval()
    return EvaluationContext(latent, data, "test", seed=0, device=torch.device("cpu"))


def measured(config: DictConfig, one: EvaluationContext, folder: Path) -> Found:
    """Everything that the measures of the config say of a context."""
    for name in ("sample_quality", "reconstruction_quality"):
        if name in config.evaluation:
            config.evaluation[name].folder = str(folder / f"features{one.world_size}")
    config.features.folder = str(folder / "classifiers")
    with torch.no_grad():
        measurements = [measurement for measure in build(config.evaluation).values() for measurement in measure(one)]
    assert one.skipped == []
    return {measurement.name: measurement.value for measurement in measurements} | {
        f"{measurement.name}, floor": measurement.floor for measurement in measurements if measurement.floor is not None
    }


def broadcast(value: Any) -> Any:
    """The first process's value."""
    values = [value]
    distributed.broadcast_object_list(values, src=0)
    return values[0]


def processes(rank: int, config: DictConfig, folder: Path) -> None:
    """One of three processes: every measure on the first 1, 2 and 3 of them."""
    torch.set_num_threads(1)
    found, alone = {}, context(config)
    for world_size in (1, 2, 3):
        if rank >= world_size:
            continue
        store = f"file://{folder}/store{world_size}"
        distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=world_size)
        place = {"rank": rank, "world_size": world_size}
        found[world_size] = measured(config, replace(alone, **place, broadcast=broadcast, skipped=[]), folder)
        distributed.destroy_process_group()
    torch.save(found, folder / f"rank{rank}.pt")
