"""The structure of an image folder: its splits, its classes, and the files that are skipped."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaelab.data.image_decoding import SUFFIXES
from vaelab.data.image_scan import Stat
from vaelab.errors import UserError

SPLIT_NAMES = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("val", "valid", "validation"),
}
# Folders of operating systems, archives and storage that hold thumbnails or deleted files.
LEFT_OUT = {"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information", "thumbs.db"}
NOWHERE: Stat = (-1, -1, -1, -1)  # of a broken link

Identity = tuple[int, int]  # device and inode of a folder


@dataclass
class Branch:
    """The images of one split, by class name and in alphabetical order; the key is None for images without class."""

    folder: Path
    files: dict[str | None, dict[Path, Stat]] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)  # files that are not images, by their suffix

    @property
    def classes(self) -> list[str]:
        """Names of the class folders in natural order: 1, 2, 10."""
        return sorted((name for name in self.files if name is not None), key=natural)


def natural(name: str) -> tuple[list[str | int], str]:
    """A sort key that compares the numbers in names by value."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def printable(path: Path | str) -> str:
    """A path as printable text: invalid UTF-8 and control characters are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode-escape").decode() for one in text)


def find_splits(root: Path) -> dict[str, Path]:
    """The folder of each split; empty if the root has no split folders.

    Raises:
        UserError: a split is ambiguous or missing.
    """
    names = [entry.name for entry in _visible(root) if _is_folder(entry)]
    found = {split: [name for name in names if name.lower() in usual] for split, usual in SPLIT_NAMES.items()}
    if not any(found.values()):
        return {}
    for split, several in found.items():
        if len(several) > 1:
            both = " and ".join(several)
            raise UserError(f"{printable(root)} has folders {both}, which both mean the {split} split; keep one")
    named = [name for several in found.values() for name in several]
    for split in ("train", "test"):
        if not found[split]:
            raise UserError(
                f"{printable(root)} has a folder {' and '.join(named)} but no folder {split}; {_way_out(found)}"
            )
    for entry in _visible(root):
        if entry.name not in named and (_is_folder(entry) or _is_image(entry)):
            beside = " and ".join(named)
            raise UserError(
                f"{printable(entry.path)} lies beside the folders {beside}; move it into one of them, or away"
            )
    return {split: root / several[0] for split, several in found.items() if several}


def _way_out(found: dict[str, list[str]]) -> str:
    """What to do about a missing split."""
    return f"add it or rename {(found['validation'] or found['train'] or found['test'])[0]}"


def read_branch(folder: Path, above: Sequence[Path]) -> Branch:
    """The images of a folder and of its class folders; `above` are the folders above it.

    Raises:
        UserError: the class of an image is ambiguous, or there is no image.
    """
    found = Branch(folder)
    identities = [_identity(one) for one in (*above, folder)]
    for entry in _visible(folder):
        if _is_image(entry):
            found.files.setdefault(None, {})[Path(entry.path)] = _stat(Path(entry.path))
        elif not _is_folder(entry):
            found.others[Path(entry.name).suffix.lower()] += 1
        elif _identity(entry.path) not in identities:
            name = class_name(entry)
            if name in found.files:
                raise UserError(f"{printable(folder)} has two folders named '{name}'; rename one of them")
            found.files[name] = dict(_images(Path(entry.path), identities, found.others))
    _check(found)
    return found


def class_name(entry: os.DirEntry[str]) -> str:
    """A folder's name in composed Unicode (NFC). Raises UserError for names that a config cannot hold."""
    text = unicodedata.normalize("NFC", printable(entry.name))
    if "${" in text or text == "???":
        raise UserError(f"{printable(entry.path)} has a name that a config cannot hold; rename it")
    return text


def _check(found: Branch) -> None:
    folder, loose = printable(found.folder), found.files.get(None)
    if not any(found.files.values()):
        there = f"; of other kinds it holds {describe_suffixes(found.others)}" if found.others else ""
        raise UserError(f"{folder} holds no images ({', '.join(SUFFIXES)}){there}; set data.source.root to images")
    if loose and len(found.files) > 1:
        raise UserError(f"{printable(next(iter(loose)))} lies beside class folders; move it into one of them")


def _images(folder: Path, above: Sequence[Identity], others: Counter[str]) -> Iterator[tuple[Path, Stat]]:
    """The images of a class folder. Raises UserError if there are images in its subfolders."""
    for entry in _visible(folder):
        path = Path(entry.path)
        if _is_image(entry):
            yield path, _stat(path)
        elif not _is_folder(entry):
            others[path.suffix.lower()] += 1
        else:
            for deeper in _deeper(path, [*above, _identity(folder)]):
                place = printable(folder)
                raise UserError(
                    f"{printable(deeper)} lies deeper than the class folder {place}; move images right into the"
                    f" folder of their class, or set data.source.root={place} where that holds the classes or splits"
                )


def _deeper(folder: Path, above: Sequence[Identity]) -> Iterator[Path]:
    """Images at any depth; a link to a folder above is not followed."""
    here = _identity(folder)
    if here in above:
        return
    for entry in _visible(folder):
        if _is_image(entry):
            yield Path(entry.path)
        elif _is_folder(entry):
            yield from _deeper(Path(entry.path), [*above, here])


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """Entries of a folder in alphabetical order, without hidden and system files."""
    try:
        with os.scandir(folder) as entries:
            seen = [one for one in entries if not one.name.startswith(".") and one.name.lower() not in LEFT_OUT]
            return sorted(seen, key=lambda one: one.name)
    except OSError as error:
        raise UserError(
            f"{printable(folder)} cannot be read: {error.strerror}; make it readable, or move it away"
        ) from error


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Whether the suffix is that of an image. Broken links count; pipes and devices, which may block, do not."""
    if Path(entry.name).suffix.lower() not in SUFFIXES:
        return False
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:  # a link that leads to itself
        return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _stat(path: Path) -> Stat:
    try:
        found = path.stat()
    except OSError:
        return NOWHERE
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _identity(path: Path | str) -> Identity:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


def describe_suffixes(others: Counter[str]) -> str:
    """The number of files of each suffix, as text."""
    return ", ".join(f"{num} {suffix or 'without suffix'}" for suffix, num in others.most_common(5))
