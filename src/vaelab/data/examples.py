"""Interfaces of splits and sources of data; indexing a split returns a Batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from vaelab.terms import Batch

Indices = Int[Tensor, " B"] | Sequence[int]


class Split(Protocol):
    """Stored examples of one split; x is uint8 for pixels."""

    @property
    def y(self) -> Int[Tensor, " N"] | None: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, indices: Indices) -> Batch: ...

    def subset(self, indices: Int[Tensor, " M"]) -> "Split": ...


@dataclass(frozen=True, eq=False)
class Examples:
    """A split in memory; a batch is one indexing operation."""

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
    """A data set; each has a config in `conf/data`."""

    def prepare(self) -> None:
        """Download or check the files; runs once, before any process loads."""

    def load(self, part: str) -> Split:
        """The examples of `train` or `test`; does not read the other one."""


@runtime_checkable
class NamesClasses(Protocol):
    """A source that names the classes of its labels."""

    def class_names(self) -> tuple[str, ...]:
        """The name of each class, in the order of their numbers; empty for data without labels."""


@runtime_checkable
class HasOwnValidation(Protocol):
    """A source that may have a validation split of its own, which `load("validation")` returns."""

    def own_validation(self) -> bool:
        """Whether the source has a validation split."""


@runtime_checkable
class HoldsOut(Protocol):
    """A source that may lack a test split and then holds out a share of its examples for test."""

    def all_examples(self) -> Split | None:
        """All examples, or None if the source has a test split."""


@runtime_checkable
class HasFingerprint(Protocol):
    """A split with a hash of its whole content."""

    @property
    def fingerprint(self) -> str: ...


@runtime_checkable
class LeavesOut(Protocol):
    """A source of many files that can skip unreadable ones: `corrupt` is `error` or `skip`."""

    corrupt: str


@runtime_checkable
class KnowsFactors(Protocol):
    """A source whose images are functions of F factors, each an integer from 0 to its size - 1."""

    @property
    def factor_names(self) -> tuple[str, ...]: ...

    @property
    def factor_sizes(self) -> tuple[int, ...]: ...

    def images(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N C H W"]:
        """The stored image of each row of factors."""
