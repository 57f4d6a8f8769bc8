"""Creates a new run folder that no other process uses."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from glob import escape
from itertools import count
from pathlib import Path

from vaelab.errors import UserError
from vaelab.storage.lock import NAME, acquire, acquire_or_refuse, release

log = logging.getLogger(__name__)

# Everything that a run writes into its folder, by command.
HYDRA = (".hydra", "train.log")
RESULTS = (
    "config.yaml",
    "status.json",
    "metrics.csv",
    "results.json",
    "health.json",
    "report.html",
    "history",
    "checkpoints",
    "images",
)
LATER = ("evaluations", "samples")
ARRAYS = "training_arrays.npz"  # arrays given in Python, needed to resume or evaluate the run
OWN = (*HYDRA, *RESULTS, *LATER, "wandb", ARRAYS, NAME)
SIGNS = (*HYDRA, *RESULTS, *LATER)  # any of them shows that a folder is in use


@dataclass(frozen=True)
class Reservation:
    """A locked folder, with what is needed to undo its creation.

    `made` are the folders that this process created, the innermost first; `found` is what the folder contained before;
    `replaced` is where an earlier run of the same name is kept until the new one has trained.
    """

    folder: Path
    made: tuple[Path, ...] = ()
    found: frozenset[Path] = frozenset()
    replaced: Path | None = None

    def keep(self) -> None:
        """Keep the run: delete the run that it replaces, and move other files of that folder back."""
        if self.replaced is not None:
            remove(self.replaced, frozenset())
            for path in self.replaced.iterdir():
                if not (self.folder / path.name).exists():
                    path.rename(self.folder / path.name)
            _remove_empty(self.replaced)
        release(self.folder)

    def keep_both(self) -> Path | None:
        """Keep an unfinished run, and return the folder of the run that it would have replaced."""
        release(self.folder)
        return self.replaced

    def undo(self) -> None:
        """Remove the files that this run wrote, and the folders that it created if they are empty."""
        remove(self.folder, self.found)
        release(self.folder)
        for folder in self.made:
            _remove_empty(folder)
        if self.replaced is not None:
            self.replaced.rename(self.folder)


def reserve(wanted: Path, overwrite: bool = False) -> Reservation:
    """Create and lock the folder `wanted`, or the next free `wanted_2`, `wanted_3`, … if it contains a run.

    An existing folder without a run is used. With `overwrite`, an earlier run in `wanted` is replaced.

    Raises:
        UserError: `wanted` cannot be a run folder.
    """
    for left in interrupted_replacements(wanted):
        log.warning("%s is a run that overwrite=true was to replace and did not; rename it, or remove it", left)
    return _replace(wanted) if overwrite and is_run(wanted) else _reserve_free(wanted)


def _reserve_free(wanted: Path) -> Reservation:
    for folder in _candidates(wanted):
        made = _make(folder)
        if not acquire(folder):
            continue
        if not any(os.path.lexists(folder / name) for name in SIGNS):
            found = frozenset(path for name in OWN if name != NAME for path in _inside_out(folder / name))
            return Reservation(folder, made, found)
        release(folder)
        if Path.cwd().is_relative_to(folder.resolve()):
            raise UserError(f"{folder} holds files that a run would write; give another hydra.run.dir")
    raise AssertionError("names never end")


def reclaim(folder: Path) -> Reservation:
    """Lock the folder of a run that is resumed; its files are never removed.

    Raises:
        UserError: another process writes there.
    """
    acquire_or_refuse(folder)
    return Reservation(folder, found=frozenset(path for name in OWN for path in _inside_out(folder / name)))


def reserve_empty(wanted: Path) -> Path:
    """Create the folder `wanted`, or the next free name if something exists there.

    Raises:
        UserError: `wanted` cannot be a folder.
    """
    return reserve_shared(wanted, lambda folder: False)


def reserve_shared(wanted: Path, is_same: Callable[[Path], bool]) -> Path:
    """Create the folder `wanted` or return the existing one if it `is_same`; else the same for the next name.

    Raises:
        UserError: `wanted` cannot be a folder.
    """
    for folder in _candidates(wanted):
        _make(folder.parent)  # mkdir would take a broken link for an existing folder
        try:
            folder.mkdir()
        except FileExistsError:
            if folder.is_dir() and is_same(folder):
                return folder
            if Path.cwd().is_relative_to(folder.resolve()):
                raise UserError(f"{folder} is not empty; give another hydra.sweep.dir") from None
            continue
        return folder
    raise AssertionError("names never end")


def is_run(folder: Path) -> bool:
    """Whether a folder contains a run: its config.yaml has the keys of a run's config."""
    try:
        with (folder / "config.yaml").open() as file:
            lines = [line for line in file.read(500_000).splitlines() if line[:1] not in (" ", "#", "-", "")]
    except (OSError, UnicodeDecodeError):
        return False
    return {"model:", "data:", "choices:"} <= {line.rstrip() for line in lines}


def interrupted_replacements(folder: Path) -> list[Path]:
    """Runs that an unfinished `overwrite=true` moved away from a folder."""
    return sorted(path for path in folder.parent.glob(f"{escape(folder.name)}.replaced-*") if is_run(path))


def remove(folder: Path, found: frozenset[Path]) -> None:
    """Remove what a run wrote into a folder, except the files in `found`."""
    for name in OWN:
        for path in _inside_out(folder / name):
            if path in found:
                continue
            if path.is_dir() and not path.is_symlink():
                _remove_empty(path)
            else:
                path.unlink(missing_ok=True)


def _inside_out(path: Path) -> Iterator[Path]:
    """A file, or the content of a folder before the folder itself; links are not followed."""
    if path.is_dir() and not path.is_symlink():
        for inner in sorted(path.iterdir()):
            yield from _inside_out(inner)
    if path.exists() or path.is_symlink():
        yield path


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _candidates(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in count(2):
        yield wanted.with_name(f"{wanted.name}_{number}")


def _make(folder: Path) -> tuple[Path, ...]:
    """Create a folder with its parents; return the folders that were created, the innermost first."""
    made: tuple[Path, ...] = ()
    for path in reversed([folder, *folder.parents]):
        try:
            path.mkdir()
        except FileExistsError:
            if not path.is_dir():
                kind = "a link that leads nowhere" if path.is_symlink() else "a file"
                raise UserError(f"{path} is {kind}, so nothing can be saved in {folder}") from None
        else:
            made = (path, *made)
    return made


def _replace(folder: Path) -> Reservation:
    if folder.is_symlink():
        raise UserError(f"overwrite=true cannot replace {folder}, which is a link; give the folder that it leads to")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise UserError(f"overwrite=true cannot replace {folder}, in which you stand; start it from another folder")
    acquire_or_refuse(folder)
    replaced = folder.with_name(f"{folder.name}.replaced-{os.getpid()}")
    folder.rename(replaced)
    release(folder)
    reservation = _reserve_free(folder)
    return Reservation(reservation.folder, reservation.made, replaced=replaced)
