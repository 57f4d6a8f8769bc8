"""The published file of dSprites, read once and kept in memory at one bit per pixel."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from jaxtyping import Int, UInt8
from numpy.lib import format as npy
from torch import Tensor

from vaelab.errors import UserError

NAME = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
SIDE = 64
BLOCK = 4096  # unpacked images in memory at a time


class PublishedSprites:
    """Images by their factors, from an archive of `imgs` [N, 64, 64] and `latents_classes` [N, 1 + F].

    Raises:
        UserError: the archive is truncated, or is not the list of every combination of factors in canonical
            order: the first factor changes slowest, after a constant colour.
    """

    def __init__(self, path: Path, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        num = math.prod(sizes)
        self._check_order(path, num)
        self.bits = torch.empty((num, SIDE * SIDE // 8), dtype=torch.uint8)
        start = 0
        for images in blocks(path, "imgs", (num, SIDE, SIDE), np.dtype(np.uint8)):
            if images.max() > 1:
                raise archive_error(path, f"pixels reach {images.max()} where they should be 0 or 1")
            packed = np.packbits(images.reshape(len(images), -1), axis=1)
            self.bits[start : start + len(images)] = torch.from_numpy(packed)
            start += len(images)

    def __call__(self, factors: Int[Tensor, "N F"]) -> UInt8[Tensor, "N 1 H W"]:
        """Images with values 0 and 255."""
        strides = torch.tensor([math.prod(self.sizes[place + 1 :]) for place in range(len(self.sizes))])
        bytes_ = self.bits[(factors * strides).sum(1)]
        bits = bytes_[..., None] >> torch.arange(7, -1, -1, dtype=torch.uint8) & 1
        return 255 * bits.view(-1, 1, SIDE, SIDE)

    def _check_order(self, path: Path, num: int) -> None:
        found = np.concatenate(list(blocks(path, "latents_classes", (num, 1 + len(self.sizes)), np.dtype(np.int64))))
        expected = np.stack(np.unravel_index(np.arange(num), (1, *self.sizes)), 1)
        if not np.array_equal(found, expected):
            raise archive_error(path, "its latents_classes are not in the canonical order")


def blocks(path: Path, key: str, shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    """Blocks of consecutive rows of an array in an .npz archive, which is never unpacked as a whole."""
    size = dtype.itemsize * math.prod(shape[1:])
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as stream:
            check_header(path, key, stream, shape, dtype)
            for start in range(0, shape[0], BLOCK):
                num = min(BLOCK, shape[0] - start)
                content = stream.read(num * size)
                if len(content) != num * size:
                    raise archive_error(path, f"{key} ends after {start + len(content) // size} of {shape[0]} rows")
                yield np.frombuffer(content, dtype).reshape(num, *shape[1:])
            stream.read()  # to the end, where zipfile verifies the checksum
    except KeyError as error:
        raise archive_error(path, f"it holds no array {key}") from error
    except UserError:
        raise
    # An altered archive may claim another compression, a password, undecodable names or negative offsets.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise archive_error(path, f"it cannot be unpacked: {str(error).rstrip('.')}") from error


def check_header(path: Path, key: str, stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Read the header of a .npy file. Raises UserError if shape or type are not as expected."""
    try:
        read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
        found_shape, by_columns, found_dtype = read(stream)
    except ValueError as error:
        raise archive_error(path, f"{key} has no NumPy header") from error
    if (found_shape, found_dtype, by_columns) != (shape, dtype, False):
        found = f"{found_dtype} {list(found_shape)}{' by columns' * by_columns}"
        raise archive_error(path, f"{key} is {found} in place of {dtype} {list(shape)}")


def archive_error(path: Path, fact: str) -> UserError:
    """The error for a file whose content is not dSprites as published."""
    return UserError(
        f"{path} is not dSprites as published ({fact}); download it again, or remove it to use generated sprites"
    )
