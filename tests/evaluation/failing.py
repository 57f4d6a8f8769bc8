"""Script of test_failing_measures.py for three processes: measures that fail on one of them."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import torch
from measured import broadcast, context
from omegaconf import DictConfig
from torch import distributed

from vaelab.callbacks.evaluate import run_measure
from vaelab.distributed.sharding import all_reduce_sum
from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.reconstruction import ReconstructionError

PLACES = ["start", "loop", "pooled", "share", "first", "other", "score", "between", "end", "nowhere"]


@dataclass(frozen=True)
class Failing:
    """Two pooled errors, a sum, something that the first process does before the others, and three scores."""

    place: str
    rank: int
    error: Exception

    def fail(self, place: str, rank: int) -> None:
        if (place, rank) == (self.place, self.rank):
            raise self.error

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        rank = context.rank
        self.fail("start", rank)
        for _ in range(2):
            error = context.metric(ReconstructionError())
            for number in context.numbers(error, 9, "blots"):
                if number >= 3:
                    self.fail("loop", rank)
                error.update(torch.zeros(1), torch.ones(1))
            values, num = error.compute()
            self.fail("pooled", rank)
        all_reduce_sum(torch.ones(1))
        self.fail("share", rank)
        context.rank_zero_first(lambda: self.fail("first" if rank == 0 else "other", rank))
        found = []
        for score in ("score", "second", "third"):
            found += context.attempt(f"no {score}", lambda score=score: self.score(score, context))
            self.fail("between", rank)
        self.fail("end", rank)
        return [Measurement("mse", float(values["mse"]), "squared pixels", num), *found]

    def score(self, name: str, context: EvaluationContext) -> list[Measurement]:
        self.fail(name, context.rank)
        return [Measurement(name, float(all_reduce_sum(torch.ones(1))), "of 3", 9)]


def errors() -> list[Exception]:
    return [
        ValueError("two\nlines"),
        UserError("set it lower"),
        RuntimeError(),
        torch.OutOfMemoryError("CUDA"),
        KeyError("x"),
    ]


def processes(rank: int, config: DictConfig, folder: Path) -> None:
    """Run one of three processes; each of them fails at each place in turn."""
    torch.set_num_threads(1)
    store, wait = f"file://{folder}/store", timedelta(seconds=60)
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=3, timeout=wait)
    alone, found = replace(context(config), rank=rank, world_size=3, broadcast=broadcast), {}
    for place in PLACES:
        for failing in range(3):
            one = replace(alone, skipped=[])
            error = errors()[(failing + len(place)) % 5]
            names = [measurement.name for measurement in run_measure("failing", Failing(place, failing, error), one)]
            found[f"{place} {failing}"] = (names, one.skipped)
    torch.save(found, folder / f"rank{rank}.pt")
    distributed.destroy_process_group()
