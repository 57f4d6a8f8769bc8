"""The config that a run saved."""

from collections.abc import Collection
from pathlib import PurePath

from omegaconf import DictConfig

from vaelab.config.migration import migrate
from vaelab.config.saved_form import read_saved
from vaelab.config.saved_trust import check_saved
from vaelab.config.text import escape_references
from vaelab.storage.reservation import ARRAYS
from vaelab.storage.run import Run


def read_config(run: Run) -> DictConfig:
    """What the run saved, brought up to date, to be looked at and not built."""
    config = migrate(read_saved(run.config_file))
    source, arrays = config.data.get("source"), run.folder / ARRAYS
    if source and PurePath(str(source.get("path", ""))).name == ARRAYS and arrays.is_file():
        source.path = escape_references(str(arrays))  # the folder may have been moved since
    return config


def load_config(run: Run, plugins: Collection[str] = (), overridden: Collection[str] = ()) -> DictConfig:
    """What the run saved, as data; of packages that are `plugins` it may name any class.

    What is `overridden` is not the saved config's any more.

    Raises:
        UserError: it is damaged, or could do more than describe an experiment.
    """
    config = read_config(run)
    check_saved(config, run.config_file, plugins, overridden)
    return config
