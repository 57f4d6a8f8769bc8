"""Samplers that yield all indices of a batch at once.

They yield lists, since tensors would go to worker processes through shared memory and its locks.
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
    """Shuffled batches: a pure function of the seed and the number of batches already done.

    The permutation of an epoch is seeded by (seed, epoch). Each process takes every world_size-th example; the
    remainder at the end is not used in that epoch, so that all processes have equally many batches.
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
        # Reached if limit_train_batches made earlier epochs shorter than the data.
        yield from self.epoch(epoch + 1)[:done]

    def epoch(self, epoch: int) -> list[list[int]]:
        """All batches of one epoch for this process."""
        generator = Generator().manual_seed(derive_seed("shuffle", self.seed, epoch))
        permutation = torch.randperm(self.num_examples, generator=generator)
        even = self.num_examples - self.num_examples % self.world_size
        batches = permutation[:even][self.rank :: self.world_size].split(self.batch_size)
        return [batch.tolist() for batch in batches]


class TrainingLoader(Loader):
    """A loader that Lightning treats as resumable: its sampler asks for the number of batches already done."""

    def state_dict(self) -> dict[str, Any]:
        """Empty: Lightning's own batch count, saved in its checkpoints, is the position."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Does nothing."""


class EvaluationSampler(SequentialSampler):
    """Every example once: whole chunks in order, chunk c on process c % world_size.

    All processes have equally many batches, since DistributedDataParallel broadcasts buffers in every step of a
    validation loop: missing chunks at the end are empty batches.
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
    """The chunk number of the batch_idx-th batch of an evaluation loop on this process."""
    return batch_idx * trainer.world_size + trainer.global_rank
