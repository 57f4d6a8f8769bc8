"""Atomic writes: a file appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """A new file that replaces `path` when the block ends; if the block raises, `path` is unchanged.

    The temporary file is created exclusively, so no link is followed, and is flushed to disk before it is renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # left by a killed process with the same pid
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacement(path) as file:
        file.write(text.encode())


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of killed processes beside `path`; no other process may be writing there."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        leftover.unlink(missing_ok=True)
