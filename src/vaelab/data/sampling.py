"""Samplers that yield all indices of a batch at once.

They yield lists: a tensor on its way to a worker process would go through shared memory and its locks.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Generator
from torch.utils.data import Sampler, SequentialSampler

from vaelab.data.loading import Loader
from vaelab.data.randomness import derive_seed


class TrainingSampler(Sampler[list[int]]):
    """Shuffled batches, as a pure function of the seed and of how many batches were done before.

    The permutation of an epoch is seeded by (seed, epoch). Of it each process takes every world_size-th
    example; those left over at its end are not used in that epoch, so that all processes do equally many.
    """

    def __init__(
        self,
        num_examples: int,
        batch_size: int,
        seed: int,
        rank: int,
        world_size: int,
        position: Callable[[], int],
    ) -> None:
        self.num_examples = num_examples
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.position = position

    def __len__(self) -> int:
        return -(-(self.num_examples // self.world_size) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        epoch, done = divmod(self.position(), len(self))
        yield from self.epoch(epoch)[done:]
        # Reached where limit_train_batches made the epochs before shorter than the data.
        yield from self.epoch(epoch + 1)[:done]

    def epoch(self, epoch: int) -> list[list[int]]:
        """All batches of one epoch for this process."""
        generator = Generator().manual_seed(derive_seed("shuffle", self.seed, epoch))
        permutation = torch.randperm(self.num_examples, generator=generator)
        even = self.num_examples - self.num_examples % self.world_size
        batches = permutation[:even][self.rank :: self.world_size].split(self.batch_size)
        return [batch.tolist() for batch in batches]


class TrainingLoader(Loader):
    """A loader that Lightning knows to be resumable, since its sampler asks how many batches were done."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the position is Lightning's own count, which its checkpoints hold."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


class EvaluationSampler(SequentialSampler):
    """Every example once: whole chunks in order, chunk c on process c % world_size.

    All processes get equally many batches, because DistributedDataParallel broadcasts buffers in every step
    of a validation loop: what is missing at the end are chunks without examples.
    """

    def __init__(self, num_examples: int, chunk: int, rank: int, world_size: int) -> None:
        self.num_examples = num_examples
        self.chunk = chunk
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        num_chunks = -(-self.num_examples // self.chunk)
        return -(-num_chunks // self.world_size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch_idx in range(len(self)):
            start = (batch_idx * self.world_size + self.rank) * self.chunk
            yield list(range(start, min(start + self.chunk, self.num_examples)))


def chunk_number(batch_idx: int, trainer: Trainer) -> int:
    """Which chunk of the split the batch_idx-th batch of an evaluation loop is."""
    return batch_idx * trainer.world_size + trainer.global_rank
