"""The study of a search: Optuna's journal in the sweep's folder, which a kill does not damage."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

JOURNAL = "study.journal"
NAME = "vaelab"


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
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    return optuna.create_study(study_name=NAME, storage=storage, load_if_exists=True, **settings)
