"""Paths in a data config."""

from pathlib import Path

from vaelab.errors import UserError


def expand_path(key: str, path: str) -> Path:
    """The path with ~ expanded. Raises UserError for an empty path."""
    if not path:
        raise UserError(f"{key} is empty; set it to a folder")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{key}={path} names a home directory that does not exist; give the full path") from error
