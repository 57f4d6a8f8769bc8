"""A data set in a file of arrays: .npz, .npy or .pt."""

from functools import cached_property
from typing import Literal

import torch
from torch import Generator, Tensor

from vaelab.data.array_checks import check_labels, check_same_shape, check_values, with_channels
from vaelab.data.array_examples import ArrayExamples
from vaelab.data.array_file import read_arrays
from vaelab.data.expand_path import expand_path
from vaelab.data.randomness import derive_seed
from vaelab.errors import UserError
from vaelab.ranges import OpenFraction, Seed


class Array:
    """The arrays `x` and, for labelled data, `y` of a file, or `x_train`, `y_train`, `x_test` and `y_test`.

    x is [N, C, H, W], [N, H, W] of one channel, or [N, D]: uint8 pixels, bool, or floats, which keep their range. y is
    [N] class numbers from 0. A file without `x_test` is split at random.

    Args:
        path: an .npz, a .npy that holds x alone, or a .pt that holds x, (x, y) or a dict of tensors. No pickled code is
            ever run: .pt is read with `weights_only=True`, the others with `allow_pickle=False`.
        test_fraction: share of the examples that is held out for test, in (0, 1), if the file has no `x_test`.
        split_seed: seed of that split.
        channels: axis of the channels of a four-dimensional x; `auto` takes `first`, [N, C, H, W], and rejects
            shapes that look like [N, H, W, C].

    Raises:
        UserError: the file cannot be read, or its arrays do not form a data set.

    Examples:
        >>> import numpy, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.npz"
        >>> numpy.savez(path, x=numpy.zeros((50, 3, 12, 20), numpy.uint8), y=numpy.arange(50) % 2)
        >>> source = Array(str(path), test_fraction=0.2, split_seed=0)
        >>> source.load("train").shape, len(source.load("train")), len(source.load("test"))
        ((3, 12, 20), 40, 10)
    """

    def __init__(
        self,
        path: str,
        test_fraction: OpenFraction = 0.1,
        split_seed: Seed = 0,
        channels: Literal["auto", "first", "last"] = "auto",
    ) -> None:
        self.path = expand_path("data.source.path", path)
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.channels = channels

    def prepare(self) -> None:
        """Read the file and check its arrays."""
        self.parts  # noqa: B018

    def load(self, part: str) -> ArrayExamples:
        """The examples of `train` or `test`."""
        return self.parts[part]

    def all_examples(self) -> ArrayExamples | None:
        """All examples, or None if the file has a test split."""
        return self.build("") if "x" in self.arrays else None

    def build(self, end: str) -> ArrayExamples:
        """The checked examples of the arrays whose names end in `end`."""
        x, y = self.arrays[f"x{end}"], self.arrays.get(f"y{end}")
        return build_examples(f"{self.path}: ", x, y, self.channels, end)

    @cached_property
    def arrays(self) -> dict[str, Tensor]:
        """The arrays of the file, by name."""
        return read_arrays(self.path)

    @cached_property
    def parts(self) -> dict[str, ArrayExamples]:
        """The splits `train` and `test`, in memory."""
        everything = self.all_examples()
        if everything is not None:
            return self.hold_out(everything)
        parts = {"train": self.build("_train"), "test": self.build("_test")}
        check_same_shape(str(self.path), parts["train"], parts["test"])
        return parts

    def hold_out(self, examples: ArrayExamples) -> dict[str, ArrayExamples]:
        """A random `test_fraction` as `test`, the rest as `train`."""
        if len(examples) < 3:
            raise UserError(
                f"{self.path} holds {len(examples)} examples, but at least 3 are needed: for training, validation and "
                "test"
            )
        generator = Generator().manual_seed(derive_seed("array", self.split_seed))
        permutation = torch.randperm(len(examples), generator=generator)
        num_test = min(len(examples) - 2, max(1, round(self.test_fraction * len(examples))))
        return {"test": examples.subset(permutation[:num_test]), "train": examples.subset(permutation[num_test:])}


def build_examples(place: str, x: Tensor, y: Tensor | None, channels: str = "auto", end: str = "") -> ArrayExamples:
    """Checked examples of arrays x and y; error messages call them `place` x `end`.

    Raises:
        UserError: x or y has the wrong shape, type or values.
    """
    x = with_channels(f"{place}x{end}", x, channels)
    check_values(f"{place}x{end}", x)
    if y is not None:
        y = check_labels(f"{place}y{end}", y, len(x))
    return ArrayExamples(x.to(torch.uint8) * 255 if x.dtype == torch.bool else x, y)
