"""IDX files, the format of MNIST and its successors: a header of sizes, then bytes."""

import gzip
import hashlib
import math
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaelab.data.examples import Examples
from vaelab.errors import UserError

PARTS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
UNSIGNED_BYTES = 0x08
MOST_BYTES = 1 << 28  # unpacked; five times the largest of these files


def load_part(folder: Path, part: str, checksums: Mapping[str, str]) -> Examples:
    """Images [N, 1, H, W] and labels [N] of `train` or `test`; `checksums` are the sha256 of the unpacked files."""
    images, labels = PARTS[part]
    x = read_idx(_path(folder, images), checksums[images])
    y = read_idx(_path(folder, labels), checksums[labels])
    return Examples(x[:, None], y.long())


def find_idx(folder: Path, name: str) -> Path | None:
    """The path of the file, or of its gzip file; None if neither exists."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def read_idx(path: Path, checksum: str) -> Tensor:
    """The uint8 tensor of an IDX file.

    Raises:
        UserError: the file is truncated, altered or not an IDX file.
    """
    content = unpack(path)
    if content[:3] != bytes([0, 0, UNSIGNED_BYTES]) or len(content) < 4:
        raise UserError(f"{path} is not an IDX file of bytes; delete it and run again")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise UserError(f"{path} ends within its header; delete it and run again")
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], ">u4"))
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise UserError(
            f"{path} holds {len(content)} bytes where its header promises {expected}; delete it and run again"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != checksum:
        raise UserError(
            f"{path} was altered: expected sha256 {checksum[:12]}…, found {found[:12]}…; delete it and run again"
        )
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy())


def unpack(path: Path) -> bytes:
    """The content of a file, decompressed if its name ends in .gz.

    Raises:
        UserError: the file cannot be read or decompressed.
    """
    try:
        if path.suffix != ".gz":
            return path.read_bytes()
        with gzip.open(path) as packed:
            content = packed.read(MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be unpacked ({str(error).rstrip('.')}); delete it and run again") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; make it readable, or delete it") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{path} unpacks to more than {MOST_BYTES} bytes; delete it and run again")
    return content


def _path(folder: Path, name: str) -> Path:
    path = find_idx(folder, name)
    if path is None:
        raise UserError(f"{folder} lacks {name}; put the file there, unpacked or as .gz")
    return path
