"""Splits and sources of data; a split returns many examples as one Batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from vaelab.terms import Batch

Indices = Int[Tensor, " B"] | Sequence[int]


class Split(Protocol):
    """What a source gives and a loader reads: stored examples, uint8 where they are pixels."""

    @property
    def y(self) -> Int[Tensor, " N"] | None: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Indices) -> Batch: ...

    def subset(self, indices: Int[Tensor, " M"]) -> "Split": ...


@dataclass(frozen=True, eq=False)
class Examples:
    """A split in memory; a batch is one indexing operation, not B of them."""

    x: Tensor
    y: Int[Tensor, " N"] | None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.x.shape[1:])

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, indices: Indices) -> Batch:
        index = torch.as_tensor(indices, dtype=torch.long)
        return Batch(self.x[index], None if self.y is None else self.y[index], index)

    def subset(self, indices: Int[Tensor, " M"]) -> "Examples":
        return Examples(self.x[indices], None if self.y is None else self.y[indices])


class Source(Protocol):
    """Where a data set comes from: an object with a yaml of its own under `conf/data`."""

    def prepare(self) -> None:
        """Brings the files into place; runs once, before any process loads."""

    def load(self, part: str) -> Split:
        """The examples of `train` or of `test`; asking for one does not read the other."""


@runtime_checkable
class NamesClasses(Protocol):
    """A source that has names for the classes of its labels."""

    def class_names(self) -> tuple[str, ...]:
        """The name of each class, in the order of their numbers; none where there are no labels."""


@runtime_checkable
class HasOwnValidation(Protocol):
    """A source that may come with a validation split, which is then the part `validation`."""

    def own_validation(self) -> bool:
        """Whether it does."""


@runtime_checkable
class HoldsOut(Protocol):
    """A source that may have no test split, so that a share of its examples is held out for one."""

    def all_examples(self) -> Split | None:
        """All examples, where there is none."""


@runtime_checkable
class HasFingerprint(Protocol):
    """A split with a name for all that it holds: two splits that differ anywhere have different ones."""

    @property
    def fingerprint(self) -> str: ...


@runtime_checkable
class LeavesOut(Protocol):
    """A source of many files, which can do without those that cannot be read: `corrupt` is error or skip."""

    corrupt: str


@runtime_checkable
class KnowsFactors(Protocol):
    """A source whose images are functions of F factors, each a number from 0 to its size - 1."""

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    @property
    def factor_sizes(self) -> tuple[int, ...]: ...

    def images(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N C H W"]:
        """The image of each row of factors, as it is stored."""
