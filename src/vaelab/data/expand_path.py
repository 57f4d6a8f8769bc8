"""Where a path in a data config leads."""

from pathlib import Path

from vaelab.errors import UserError


def expand_path(key: str, path: str) -> Path:
    """A path with ~ written out. Raises UserError where there is none."""
    if not path:
        raise UserError(f"{key} is empty; set it to a folder")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{key}={path} names a home that does not exist; give the whole path") from error
