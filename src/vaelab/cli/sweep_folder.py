"""Which folder a multirun gets: a new one, or the one in which the same sweep was stopped."""

import json
import logging
from pathlib import Path, PurePath
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaelab.cli.requeue import earlier_folder, record_folder
from vaelab.cli.sweep_name import without_name
from vaelab.config.sweep import key_of, keys_that_vary
from vaelab.errors import UserError
from vaelab.storage.atomic import write
from vaelab.storage.lock import acquire_or_refuse, release
from vaelab.storage.reservation import reserve_shared

IDENTITY = "sweep.json"

_sweeps: list[Path] = []  # at most one: a job of a sweep starts none
log = logging.getLogger(__name__)


def folder_for_multirun(config: DictConfig) -> Path:
    """Make and lock the folder of a multirun, or lock the one in which the same sweep was stopped."""
    subdir = str(OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"])  # type: ignore[call-overload, index]
    if ".." in PurePath(subdir).parts or subdir.startswith(("/", "~")):
        raise UserError(f"hydra.sweep.subdir={subdir} leads out of the sweep's folder; give a name inside it")
    overrides = [str(one) for one in config.hydra.overrides.task]
    sweep, wanted = identity(overrides, config), Path(str(config.hydra.sweep.dir))
    folder = earlier_folder() or reserve_shared(wanted, lambda one: identity_of(one) == sweep)
    if folder != wanted and identity_of(wanted):
        log.warning("%s holds another sweep; this one is %s", wanted, folder)
    acquire_or_refuse(folder)
    _sweeps.append(folder)
    write(folder / IDENTITY, json.dumps(sweep, indent=2) + "\n")
    record_folder(folder)
    return folder


def identity(overrides: list[str], config: DictConfig) -> dict[str, Any]:
    """What one sweep has in common with its continuation, which may add values but neither keys nor settings."""
    params = {str(key) for key in config.hydra.sweeper.get("params") or ()}
    varied = {*keys_that_vary(overrides), *params}
    fixed = sorted(one for one in without_name(overrides) if key_of(one) not in varied)
    return {"sweeper": config.hydra.sweeper._target_, "fixed": fixed, "varied": sorted(varied)}


def identity_of(folder: Path) -> dict[str, Any]:
    """The same of the sweep in a folder; empty if it holds none."""
    try:
        found: dict[str, Any] = json.loads((folder / IDENTITY).read_text())
    except (OSError, ValueError):
        return {}
    return found


def release_sweep() -> None:
    """Unlock the folder of a multirun that has ended."""
    while _sweeps:
        release(_sweeps.pop())
