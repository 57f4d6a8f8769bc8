"""Means of per-example values, with their standard errors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Shaped
from torch import Tensor
from torchmetrics import Metric


class Summary(NamedTuple):
    """Sums of N values, and of their squares, by name."""

    num: int
    sums: dict[str, Tensor]
    squares: dict[str, Tensor]

    def mean(self, name: str) -> Tensor:
        """sum_n v_n / N"""
        return self.sums[name] / self.num

    def variance(self, name: str) -> Tensor:
        """sum_n v_n^2 / N - mean^2, at least 0."""
        return (self.squares[name] / self.num - self.mean(name).square()).clamp(min=0)

    def error(self, name: str) -> Tensor:
        """Standard error of the mean, sqrt(variance / (N - 1))."""
        return (self.variance(name) / max(1, self.num - 1)).sqrt()


class Moments(Metric):
    """Sums in float64 of named per-example values, and of their squares, over all processes.

    Args:
        names: names of the values.
        shape: shape of one example's value; () for numbers.

    >>> moments = Moments(["nll"])
    >>> moments.update({"nll": torch.tensor([1.0, 2.0, 3.0])})
    >>> summary = moments.compute()
    >>> summary.num, summary.mean("nll").item()
    (3, 2.0)
    """

    full_state_update = False
    num: Tensor
    sums: Tensor
    squares: Tensor

    def __init__(self, names: Sequence[str], shape: Sequence[int] = ()) -> None:
        super().__init__()
        self.names = tuple(names)
        self.set_dtype(torch.float64)
        self.add_state("num", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        for name in ("sums", "squares"):
            self.add_state(name, torch.zeros(len(names), *shape, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, values: Mapping[str, Shaped[Tensor, "B *shape"]]) -> None:
        columns = [values[name].double() for name in self.names]
        self.num += len(columns[0])
        self.sums += torch.stack([column.sum(0) for column in columns])
        self.squares += torch.stack([column.square().sum(0) for column in columns])

    def compute(self) -> Summary:
        pairs = ({name: row for name, row in zip(self.names, rows, strict=True)} for rows in (self.sums, self.squares))
        return Summary(int(self.num), *pairs)
