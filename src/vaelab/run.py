"""A run folder: everything that one run saved, in the places where every command looks for it."""

import json
import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaelab.earlier import brought_up_to_date
from vaelab.errors import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """The paths of a run, and what is in them. Imports no torch until a checkpoint is looked into."""

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """An existing run. Raises UserError for a folder that is not one."""
        run = cls(Path(folder))
        if not run.config_file.is_file():
            raise UserError(
                f"{folder} is not a run folder: it has no config.yaml; runs are under outputs/<model>-<data>/"
            )
        return run

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def unfinished(self) -> Path:
        """What evaluations that were stopped have found by then."""
        return self.folder / "evaluations" / "unfinished"

    @property
    def saved(self) -> bool:
        """Whether there is anything to go on from."""
        return any(self.checkpoints.glob("*.ckpt"))

    @property
    def metrics_file(self) -> Path:
        return self.folder / "metrics.csv"

    def save_config(self, config: DictConfig) -> None:
        """Write the config, its references kept: what is overridden later reaches all that refers to it."""
        write(self.config_file, OmegaConf.to_yaml(config))

    def load_config(self) -> DictConfig:
        config = OmegaConf.load(self.config_file)
        assert isinstance(config, DictConfig)
        return brought_up_to_date(config)

    def save_results(self, results: dict[str, Any], folder: Path | None = None) -> None:
        """Write results.json, by default into the run folder itself."""
        write((folder or self.folder) / "results.json", json.dumps(results, indent=2) + "\n")

    def checkpoint(self, name: str) -> Path:
        """The first undamaged checkpoint for `best`, `last` or a path, going back to the ones before it.

        Raises UserError where there is none.
        """
        wanted = [self.checkpoints / f"{one}.ckpt" for one in FALLBACKS[name]] if name in FALLBACKS else [Path(name)]
        existing = [path for path in wanted if path.is_file()]
        if not existing:
            way_out = f"go on with python train.py run={self.folder}" if name in FALLBACKS else "give best or last"
            raise UserError(f"{self.folder} has no checkpoint '{name}'; {way_out}")
        if existing[0] is not wanted[0]:
            log.warning("%s does not exist; going on with %s", wanted[0], existing[0].name)
        for path, before in zip(existing, [*existing[1:], None], strict=True):
            damage = damage_of(path)
            if damage is None:
                return path
            if before is not None:
                log.warning("%s is damaged (%s); going back to %s", path, damage, before.name)
        raise UserError(f"{existing[-1]} is damaged ({damage}), and no other checkpoint is left in {self.checkpoints}")


# Where to look next when a checkpoint is missing or damaged.
FALLBACKS = {"last": ("last", "previous", "best"), "best": ("best", "last", "previous")}


def damage_of(path: Path) -> str | None:
    """Why a checkpoint cannot be read, or None."""
    import torch  # composing a config must not wait for it

    try:
        with zipfile.ZipFile(path) as archive:
            if changed := archive.testzip():  # by checksums, which torch does not look at
                return f"{changed} was altered"
        torch.load(path, map_location="meta", weights_only=True)
    except Exception as error:  # whatever a broken file makes a reader say
        return next(iter(str(error).splitlines()), type(error).__name__)[:100]
    return None


def write(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    temporary.replace(path)
