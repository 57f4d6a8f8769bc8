"""A run folder: the files of one run, in fixed places."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaelab.errors import UserError
from vaelab.storage.atomic import write
from vaelab.storage.checkpoint import check_undamaged, damage_of, has_best
from vaelab.storage.reservation import interrupted_replacements

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """The paths of a run folder, and readers of its files. torch is imported only to read a checkpoint."""

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """An existing run. Raises UserError if the folder is not one."""
        run = cls(Path(folder))
        if not run.config_file.is_file():
            left = interrupted_replacements(run.folder)
            way_out = f"overwrite=true has left {left[-1]}" if left else "runs are under outputs/<model>-<data>/"
            raise UserError(f"{folder} is not a run folder: it has no config.yaml; {way_out}")
        if device := find_device(run.folder):
            raise UserError(f"{device} is a pipe or a device, which no run holds; remove it")
        if link := find_escaping_link(run.folder):
            raise UserError(f"{link} is a link that leads out of the run folder; replace it by what it leads to")
        for settings in (run.folder / "wandb" / "settings", run.folder / ".wandb"):
            if settings.exists():
                raise UserError(f"{settings} would tell W&B where to send runs and keys; remove it if it is not yours")
        return run

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def unfinished(self) -> Path:
        """The cache of interrupted evaluations."""
        return self.folder / "evaluations" / "unfinished"

    @property
    def saved(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return any(self.checkpoints.glob("*.ckpt"))

    @property
    def metrics_file(self) -> Path:
        return self.folder / "metrics.csv"

    def save_config(self, config: DictConfig) -> None:
        """Write config.yaml with unresolved references, so that later overrides reach everything that refers to them.

        An existing config.yaml that differs is kept as history/config_<n>.yaml.
        """
        text = OmegaConf.to_yaml(config)
        before = self.config_file.read_text() if self.config_file.is_file() else text
        if before != text:
            history = self.folder / "history"
            number = 1 + len(list(history.glob("config_*.yaml")))
            write(history / f"config_{number:03d}.yaml", before)
        write(self.config_file, text)

    @property
    def config_digest(self) -> str:
        """A hash of config.yaml."""
        return hashlib.sha256(self.config_file.read_bytes()).hexdigest()[:16]

    def save_results(self, results: dict[str, Any], folder: Path | None = None) -> None:
        """Write results.json, by default into the run folder itself."""
        write((folder or self.folder) / "results.json", json.dumps(results, indent=2) + "\n")

    def checkpoint(self, name: str) -> Path:
        """The checkpoint `best`, `last`, or one given by its path.

        Only `last`, which is used to resume, falls back to an earlier checkpoint if it is missing or damaged. Results
        must be of the checkpoint that they name, so `best` is `last` only if the run never chose a best one.

        Raises UserError if there is none.
        """
        if name == "last":
            return self._newest()
        if name == "best":
            return self._best()
        path = Path(name)
        if not path.is_file():
            raise UserError(f"{self.folder} has no checkpoint '{name}'; give best or last")
        check_undamaged(path, "give another")
        return path

    def _newest(self) -> Path:
        wanted = [self.checkpoints / f"{name}.ckpt" for name in ("last", "previous", "best")]
        existing = [path for path in wanted if path.is_file()]
        if not existing:
            raise UserError(f"{self.folder} has no checkpoint; resume with python train.py run={self.folder}")
        if existing[0] is not wanted[0]:
            log.warning("%s does not exist; resuming from %s", wanted[0], existing[0].name)
        for path, before in zip(existing, [*existing[1:], None], strict=True):
            damage = damage_of(path)
            if damage is None:
                return path
            if before is not None:
                log.warning("%s is damaged (%s); going back to %s", path, damage, before.name)
        raise UserError(f"{existing[-1]} is damaged ({damage}), and no other checkpoint is left in {self.checkpoints}")

    def _best(self) -> Path:
        path = self.checkpoints / "best.ckpt"
        if path.is_file():
            check_undamaged(path, "give ckpt=last for the newest one")
            return path
        newest = self._newest()
        if has_best(newest):
            raise UserError(f"{path} is missing, although the run chose one; give ckpt=last for the newest one")
        log.warning("%s has chosen no best checkpoint; taking %s", self.folder, newest.name)
        return newest


def find_escaping_link(folder: Path) -> Path | None:
    """A symbolic link in a run folder that leads out of it, through which a run would write elsewhere.

    W&B makes links to its logs below wandb/, and does not write through them.
    """
    inside = folder.resolve()
    return next((one for one in _paths(folder) if one.is_symlink() and not one.resolve().is_relative_to(inside)), None)


def find_device(folder: Path) -> Path | None:
    """A pipe, socket or device in a run folder; reading it might block forever."""
    return next((one for one in _paths(folder) if one.exists() and not (one.is_file() or one.is_dir())), None)


def _paths(folder: Path) -> Iterator[Path]:
    """Every file and folder of a run, except those below wandb/."""
    for place, folders, files in os.walk(folder):
        if Path(place) == folder / "wandb":
            folders.clear()
            continue
        yield from (Path(place) / name for name in (*folders, *files))
