"""Subprocess that examines image files: reads one path per line, writes one result per line.

If a file crashes this process, its parent knows which file it was. Paths and results are JSON, which can hold
names in any encoding. Imports no torch, so that it starts in a quarter of a second.
"""

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

from vaelab.data.image_decoding import UnreadableError, examine

MEMORY = 8 << 30  # bytes of address space, so that a huge image ends only this process


def main() -> None:
    """Answer until the parent closes standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        print(json.dumps(answer(Path(json.loads(line)))), flush=True)


def answer(path: Path) -> dict[str, object]:
    """The header as a dict, or a dict with the key `problem`."""
    try:
        return asdict(examine(path))
    except UnreadableError as error:
        return {"problem": str(error)}


if __name__ == "__main__":
    main()
