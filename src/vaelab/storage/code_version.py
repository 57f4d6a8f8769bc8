"""The version of the code that computed a result."""

import hashlib
import subprocess
from functools import cache
from pathlib import Path

from vaelab.version import __version__


@cache
def source_code() -> str:
    """A hash of the package's source files, committed or not."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def code_version() -> str:
    """The package's version; in a git checkout with the commit, and -dirty if files differ from it."""
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return __version__
    try:
        done = subprocess.run(describe, cwd=root, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{done.stdout.strip()}"
