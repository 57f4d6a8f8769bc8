"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends; where the block fails, `path` stays as it was.

    The file is created exclusively under a temporary name of this process, which follows no link, and reaches the
    disk before it is renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # of a killed process that had the same number
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
    """Write a text file at once: a reader never sees half of it."""
    with replacement(path) as file:
        file.write(text.encode())


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed processes left beside `path`, of which nobody else is a writer now."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        leftover.unlink(missing_ok=True)
