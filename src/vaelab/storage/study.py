"""The study of a search: Optuna's journal in the sweep's folder, which a kill does not damage."""

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
LOCK = ".study.lock"
NAME = "vaelab"


class ProcessLock:
    """A lock of a journal that ends with its process: Optuna's own would outlive a kill, and nobody could write again.

    Args:
        file: made if it does not exist.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.held = -1

    def acquire(self) -> bool:
        """Wait until no other process writes."""
        self.held = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        fcntl.lockf(self.held, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let others write."""
        os.close(self.held)


def has_study(folder: Path) -> bool:
    """Whether a folder holds a study."""
    return (folder / JOURNAL).is_file()


def open_study(folder: Path, **settings: Any) -> "optuna.Study":
    """The study of a folder, made if there is none: `optuna-dashboard <folder>/study.journal` shows it.

    Args:
        folder: the sweep's.
        settings: sampler, pruner and directions as `optuna.create_study` takes them.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = folder / JOURNAL
    backend = JournalFileBackend(str(file), lock_obj=ProcessLock(file.with_name(LOCK)))  # type: ignore[arg-type]
    storage = optuna.storages.JournalStorage(backend)
    return optuna.create_study(study_name=NAME, storage=storage, load_if_exists=True, **settings)
