"""Labels of partly labelled training data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Int
from torch import Generator, Tensor

from vaelab.data.examples import Indices, Split
from vaelab.data.pixels import FixedNoise
from vaelab.data.randomness import derive_seed
from vaelab.data.sampling import TrainingSampler
from vaelab.errors import UserError
from vaelab.terms import Batch

ALL: Final = "all"
MISSING = -1  # the label of an unlabelled training example


@dataclass(frozen=True)
class Labels:
    """How many training examples keep their labels, equally many of each class, and how many of them are in each batch.

    Kingma et al. 2014, arXiv:1406.5298, section 4.
    """

    num_labels: int | str
    per_batch: int
    batch_size: int
    num_classes: int

    def __post_init__(self) -> None:
        num, per_batch, size, classes = self.num_labels, self.per_batch, self.batch_size, self.num_classes
        if num == ALL and per_batch:
            raise UserError(
                f"data.labelled_per_batch={per_batch} needs partly labelled data, but data.num_labels=all;"
                " set data.num_labels to a number or data.labelled_per_batch=0"
            )
        if num != ALL and not classes:
            raise UserError(f"data.num_labels={num} needs labels, but the data has none; set data.num_labels=all")
        if num != ALL and (not isinstance(num, int) or num < 1 or num % classes):
            raise UserError(
                f"data.num_labels={num} cannot be divided evenly among {classes} classes;"
                f" set it to a multiple of {classes}, or to all"
            )
        if not 0 <= per_batch < size:
            raise UserError(
                f"data.labelled_per_batch={per_batch} leaves no room for unlabelled examples in batches of"
                f" data.batch_size={size}; set it between 0 and {size - 1}"
            )

    def choose(self, y: Int[Tensor, " N"] | None, seed: int) -> Bool[Tensor, " N"] | None:
        """A mask of the examples that keep their labels, or None if all do.

        Raises UserError if a class has too few examples.
        """
        if y is None or not isinstance(self.num_labels, int):
            return None
        wanted = self.num_labels // self.num_classes
        permutation = torch.randperm(len(y), generator=Generator().manual_seed(derive_seed("labels", seed)))
        mask = torch.zeros(len(y), dtype=torch.bool)
        for label in range(self.num_classes):
            members = permutation[y[permutation] == label]
            if len(members) < wanted:
                raise UserError(
                    f"data.num_labels={self.num_labels} needs {wanted} labels of each class, but class {label} has"
                    f" {len(members)} training examples; set it to {len(members) * self.num_classes} or less, or to all"
                )
            mask[members[:wanted]] = True
        return mask


@dataclass(frozen=True, eq=False)
class PartlyLabelled:
    """The training split with y = MISSING where `label_mask` is false."""

    split: Split | FixedNoise
    label_mask: Bool[Tensor, " N"]

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, indices: Indices) -> Batch:
        batch = self.split[indices]
        assert batch.y is not None
        return batch._replace(y=batch.y.where(self.label_mask[batch.index], MISSING))


class MixedSampler(TrainingSampler):
    """Batches of TrainingSampler with `labelled_per_batch` labelled examples in front of each.

    The labelled examples come from shuffled passes through `labelled`. Without them, most batches would have no label
    if 100 of 50000 examples have one.
    """

    def __init__(
        self,
        labelled: Int[Tensor, " L"],
        labelled_per_batch: int,
        num_examples: int,
        batch_size: int,
        seed: int,
        rank: int,
        world_size: int,
        position: Callable[[], int],
    ) -> None:
        super().__init__(num_examples, batch_size - labelled_per_batch, seed, rank, world_size, position)
        self.labelled = labelled
        self.labelled_per_batch = labelled_per_batch

    def epoch(self, epoch: int) -> list[list[int]]:
        """All batches of one epoch for this process."""
        batches = super().epoch(epoch)
        generator = Generator().manual_seed(derive_seed("labelled", self.seed, epoch))
        num = len(batches) * self.labelled_per_batch * self.world_size
        rounds = range(-(-num // len(self.labelled)))
        order = torch.cat([torch.randperm(len(self.labelled), generator=generator) for _ in rounds])
        mine = self.labelled[order[:num][self.rank :: self.world_size]].split(self.labelled_per_batch)
        return [[*extra.tolist(), *batch] for extra, batch in zip(mine, batches, strict=True)]
