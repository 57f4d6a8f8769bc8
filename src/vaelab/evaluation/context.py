"""A trained model and its data: the input of every measure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import lightning.pytorch as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from vaelab.data.module import DataModule
from vaelab.data.randomness import seeded
from vaelab.distributed.failure import FailedTogetherError, agree, attempt_together, gather
from vaelab.errors import UserError
from vaelab.evaluation.result_cache import ResultCache
from vaelab.latent.structure import LatentStructure
from vaelab.metric.moments import Moments
from vaelab.model.vae import VAE
from vaelab.printing import track
from vaelab.signals import raise_if_stopped
from vaelab.terms import Batch

T = TypeVar("T")
M = TypeVar("M", bound=Metric)


class Chunk(NamedTuple):
    """Consecutive examples of a split, and the chunk's number."""

    number: int
    batch: Batch


class SampleChunk(NamedTuple):
    """Samples of the prior on the data's scale, their labels if the model is conditional, and the chunk's number."""

    number: int
    x: Float[Tensor, "B *event"]
    y: Int[Tensor, " B"] | None


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """A model in evaluation mode and a split of its data, on one of `world_size` processes.

    Work is cut into numbered chunks. Chunk c runs on process c % world_size, with a seed that depends on c. Each loop
    accumulates into one metric, whose `compute()` reduces over all processes. The cache saves the metric's states
    during the loop, so that an interrupted evaluation can resume.
    """

    latent: LatentStructure
    data: DataModule
    split: str
    seed: int
    device: torch.device
    rank: int = 0
    world_size: int = 1
    broadcast: Callable[[Any], Any] = lambda value: value
    limit: int | None = None
    measure: str = ""
    cache: ResultCache | None = None
    shows_progress: bool = False
    skipped: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)

    @property
    def num_examples(self) -> int:
        """The number of examples of the split that are evaluated."""
        return self.size(self.split)

    def size(self, split: str, limit: int | None = None) -> int:
        """The number of examples of a split, limited to `limit` and to the context's own limit."""
        return self.limited(min(len(self.data.split(split)), limit or len(self.data.split(split))))

    def limited(self, num: int) -> int:
        """`num`, or the limit of the context if that is smaller."""
        return num if self.limit is None else min(num, self.limit)

    def chunks(self, metric: Metric, split: str | None = None, limit: int | None = None) -> Iterator[Chunk]:
        """This process's chunks of a split, on the device and the likelihood's scale."""
        split = split or self.split
        size = self.size(split, limit)
        loop = loop_key(metric, split)
        numbers = self.remaining(metric, loop, -(-size // self.data.chunk))
        for number, batch in self.cached_loop(metric, loop, numbers, self.data.chunks(split, numbers, size)):
            batch = self.data.transfer_batch_to_device(batch, self.device, 0)
            yield Chunk(number, self.data.on_after_batch_transfer(batch, 0))

    def dummy_batch(self) -> Batch:
        """The first example of the split, the same on every process: for shapes, and for checks that all processes run.

        A check that failed only on some processes would leave the others waiting in a collective.
        """
        return self.examples(torch.arange(1))

    def examples(self, indices: Int[Tensor, " B"]) -> Batch:
        """A batch of the split's examples with these indices, on the device."""
        return self.data.transfer_batch_to_device(self.data.batch(self.split, indices), self.device, 0)

    def sample_chunks(self, metric: Metric, num_samples: int) -> Iterator[SampleChunk]:
        """This process's chunks of samples at temperature 1, equally many of each class of a conditional model."""
        labels = torch.arange(self.limited(num_samples), device=self.device) % max(1, self.data.num_classes)
        parts = labels.split(self.data.chunk)
        for number in self.numbers(metric, len(parts), "samples"):
            y = parts[number] if self.latent.conditional else None
            with self.seeded("samples", number):
                x = self.latent.sample(len(parts[number]), y)
            yield SampleChunk(number, x, y)

    def numbers(self, metric: Metric, total: int, label: str) -> Iterator[int]:
        """This process's shard of the numbers 0 to total - 1; `label` distinguishes the loops of one measure."""
        loop = loop_key(metric, label)
        numbers = self.remaining(metric, loop, total)
        for number, _ in self.cached_loop(metric, loop, numbers, numbers):
            yield number

    def remaining(self, metric: Metric, loop: str, total: int) -> Sequence[int]:
        """This process's numbers that are not done yet; the cached states of the others are loaded into the metric."""
        done = 0 if self.cache is None else self.cache.resume(f"{self.measure}.{loop}", metric)
        return range(self.rank, total, self.world_size)[done:]

    def cached_loop(
        self, metric: Metric, loop: str, numbers: Sequence[int], items: Iterable[T]
    ) -> Iterator[tuple[int, T]]:
        """Pairs of numbers and items, under a progress bar; the metric's states are cached as the loop runs."""
        before = 0 if not numbers else (numbers[0] - self.rank) // self.world_size
        pairs: Iterable[tuple[int, T]] = zip(numbers, items, strict=True)
        if self.shows_progress:
            label = f"{self.measure.partition('-')[0]} {loop.rpartition('-')[2]}"  # without the key of the cache
            pairs = track(pairs, label, len(numbers), transient=True)
        for done, (number, item) in enumerate(pairs, before + 1):
            raise_if_stopped()
            yield number, item
            if self.cache is not None:
                self.cache.save_states(f"{self.measure}.{loop}", metric, done)

    def seeded(self, *key: int | str) -> AbstractContextManager[None]:
        """Inside, torch's random numbers start from the evaluation's seed and `key`."""
        return seeded(self.seed, *key)

    def metric(self, metric: M) -> M:
        """The metric on the model's device; its `compute()` fails on all processes if one has failed."""
        metric.dist_sync_fn = gather
        return metric.to(self.device)

    def rank_zero_first(self, function: Callable[[], T]) -> T:
        """Call the function on rank 0 first, then on the other ranks, which find its files; return its result.

        A UserError on rank 0 is raised on all ranks.
        """
        found, refusal = None, None
        if self.rank == 0:
            try:
                found = function()
            except UserError as error:
                refusal = str(error)
        agree()
        refusal = self.broadcast(refusal)
        if refusal is not None:
            raise UserError(refusal)
        return function() if found is None else found

    def attempt(self, label: str, function: Callable[[], list[T]]) -> list[T]:
        """Call the function and return its result; if it fails on any process, record why and return [] on all."""
        self.tasks.append(label)
        depth = len(self.tasks)
        try:
            return attempt_together(function, depth)
        except FailedTogetherError as error:
            if error.failure.depth < depth:  # an enclosing task has failed
                raise
            self.skip(f"{label}: {error.failure.reason}")
            return []
        finally:
            self.tasks.pop()

    def skip(self, sentence: str) -> None:
        """Record why one of several measurements is missing."""
        self.skipped.append(sentence)


def context_of(trainer: pl.Trainer, pl_module: VAE, split: str) -> EvaluationContext:
    """The trainer's model and data as an evaluation context."""
    return EvaluationContext(
        latent=pl_module.latent,
        data=pl_module.data,
        split=split,
        seed=pl_module.seed,
        device=pl_module.device,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        broadcast=trainer.strategy.broadcast,
    )


def loop_key(metric: Metric, label: str) -> str:
    """A key that distinguishes the loops of one measure: metric type, names of moments, and label."""
    names = metric.names if isinstance(metric, Moments) else ()
    return "-".join([type(metric).__name__, *names, label])
