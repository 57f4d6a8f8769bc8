"""Which code made a number."""

import subprocess
from functools import cache
from pathlib import Path

from vaelab import __version__


@cache
def code_version() -> str:
    """The package's version, with the commit where it runs from a checkout, marked where files differ from it."""
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return __version__
    try:
        done = subprocess.run(describe, cwd=root, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{done.stdout.strip()}"
