"""A process of its own that looks at image files: one path a line comes in, what it found goes out.

If a file crashes this process, its parent knows which file it was. Paths and answers are JSON, which holds
names in any encoding. Imports no torch, so that starting it costs a quarter of a second.
"""

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

from vaelab.data.image_decoding import UnreadableError, examine

MEMORY = 8 << 30  # bytes of address space: what needs more ends here, and not the machine


def main() -> None:
    """Answer until the parent closes its end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        print(json.dumps(answer(Path(json.loads(line)))), flush=True)


def answer(path: Path) -> dict[str, object]:
    """The header as a dict, or `problem`."""
    try:
        return asdict(examine(path))
    except UnreadableError as error:
        return {"problem": str(error)}


if __name__ == "__main__":
    main()
