"""The log of a command in the folder of a run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vaelab.cli.ranks import is_rank_zero


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Inside, what rank 0 logs also goes to the end of a file, as Hydra does it in folders of its own."""
    if not is_rank_zero():
        yield
        return
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
