"""A folder of images: checked once, read on demand, labelled by subfolder."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

import torch
from annotated_types import Ge, Le
from torch import Generator

from vaelab.data.auto_values import AUTO
from vaelab.data.class_numbers import number_classes
from vaelab.data.expand_path import expand_path
from vaelab.data.folder_tree import NOWHERE, Branch, describe_suffixes, find_splits, printable, read_branch
from vaelab.data.image_decoding import MODES, SIXTEEN_BITS, Header
from vaelab.data.image_files import ImageFiles
from vaelab.data.image_scan import Finding, Stat, cache_of, scan
from vaelab.data.randomness import derive_seed
from vaelab.errors import UserError
from vaelab.printing import warn_once
from vaelab.ranges import OpenFraction, Seed, Shape

ERROR: Final = "error"
SKIP: Final = "skip"
NAMED = 3  # files that a message lists

log = logging.getLogger(__name__)


class ImageFolder:
    """Images below a folder, resized and centre-cropped; subfolders are classes.

    Folders `train` and `test`, and optionally `val`, are the splits; without them, a random share is held out for test.
    Images directly in the folder of a split have no class.

    Args:
        root: folder of images.
        shape: [1, H, W] for grey or [3, H, W] for colour.
        test_fraction: share of the examples that is held out for test, in (0, 1), if there are no split folders.
        split_seed: seed of that split.
        classes: class folders in the order of their numbers; `auto` takes natural order.
        corrupt: `error` or `skip`, for files that cannot be read.
        bits: bits in use of 16-bit grey, 8 to 16.
        cache: folder that keeps the results of the scan.
    """

    def __init__(
        self,
        root: str,
        shape: Shape,
        test_fraction: OpenFraction,
        split_seed: Seed,
        classes: Sequence[str] | Literal["auto"] = AUTO,
        corrupt: Literal["error", "skip"] = ERROR,
        bits: Annotated[int, Ge(8), Le(16)] = 16,
        cache: str = "data/scans",
    ) -> None:
        if len(shape) != 3 or shape[0] not in MODES:
            given = shape if isinstance(shape, str) else list(shape)
            raise UserError(f"data.shape={given} is not an image; set it to [1, H, W] for grey or [3, H, W] for colour")
        if not 0 < test_fraction < 1:
            raise UserError(f"data.source.test_fraction={test_fraction} is not a share; set it between 0 and 1")
        if corrupt not in (ERROR, SKIP):
            raise UserError(f"data.corrupt={corrupt} is unknown; choose one of {ERROR}, {SKIP}")
        if not 8 <= bits <= 16:
            raise UserError(f"data.source.bits={bits} is not a depth of 16-bit files; set it between 8 and 16")
        self.root = expand_path("data.source.root", root)
        self.shape = tuple(shape)
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.classes = () if classes == AUTO else tuple(str(name) for name in classes)
        self.corrupt = corrupt
        self.bits = bits
        self.cache = expand_path("data.source.cache", cache)

    def prepare(self) -> None:
        """Scan the images of all splits."""
        self.parts  # noqa: B018

    def load(self, part: str) -> ImageFiles:
        """The images of `train`, `test` or `validation`; no pixels are read yet."""
        return self.parts[part]

    def class_names(self) -> tuple[str, ...]:
        """The name of each class, in the order of their numbers."""
        return self.numbering

    def own_validation(self) -> bool:
        """Whether the folder has a validation split of its own."""
        return "validation" in self.branches

    def all_examples(self) -> ImageFiles | None:
        """All images, or None if there are split folders."""
        return self.readable_parts["train"] if len(self.readable_parts) == 1 else None

    @cached_property
    def branches(self) -> dict[str, Branch]:
        """The files of each split; without split folders, all of them as `train`."""
        if not self.root.is_dir():
            fact = "is not a folder" if self.root.exists() else "does not exist"
            raise UserError(f"{printable(self.root)} {fact}; set data.source.root to a folder of images")
        found = find_splits(self.root)
        branches = {split: read_branch(folder, [self.root]) for split, folder in found.items()}
        branches = branches or {"train": read_branch(self.root, [])}
        for branch in branches.values():
            check_classes(branch)
            if branch.others:
                left_out = describe_suffixes(branch.others)
                warn_once(log, f"{printable(branch.folder)}: left out {left_out}, which are not images")
        check_disjoint(branches)
        return branches

    @cached_property
    def numbering(self) -> tuple[str, ...]:
        return number_classes(self.branches, self.classes)

    @cached_property
    def parts(self) -> dict[str, ImageFiles]:
        """The splits; without split folders, a share is held out as `test`."""
        everything = self.all_examples()
        return self.readable_parts if everything is None else self.hold_out(everything)

    @cached_property
    def readable_parts(self) -> dict[str, ImageFiles]:
        """The readable images of each split folder."""
        files = {
            path: stat for branch in self.branches.values() for of in branch.files.values() for path, stat in of.items()
        }
        found = scan(files, cache_of(self.root, self.cache))
        check_findings(self.root, found, self.corrupt, self.bits)
        return {split: self.select_readable(branch, found) for split, branch in self.branches.items()}

    def select_readable(self, branch: Branch, found: Mapping[Path, Finding]) -> ImageFiles:
        """The readable images of one split with their class numbers, sorted by path."""
        chosen = [
            (path, name) for name, files in branch.files.items() for path in files if isinstance(found[path], Header)
        ]
        chosen.sort(key=lambda one: one[0])
        if not chosen:
            raise UserError(f"{printable(branch.folder)} holds no image that can be read; repair some")
        labels = [self.numbering.index(name) for _, name in chosen if name is not None]
        y = torch.tensor(labels) if self.numbering else None
        return ImageFiles([path for path, _ in chosen], y, self.shape, self.bits)

    def hold_out(self, files: ImageFiles) -> dict[str, ImageFiles]:
        """A random `test_fraction` as `test`, the rest as `train`."""
        if len(files) < 3:
            there = "1 image" if len(files) == 1 else f"{len(files)} images"
            raise UserError(
                f"{printable(self.root)} holds {there}, but at least 3 are needed: for training, validation and test"
            )
        generator = Generator().manual_seed(derive_seed("image_folder", self.split_seed))
        permutation = torch.randperm(len(files), generator=generator)
        num_test = max(1, round(self.test_fraction * len(files)))
        return {"test": files.subset(permutation[:num_test]), "train": files.subset(permutation[num_test:])}


def check_classes(branch: Branch) -> None:
    """Raises UserError for a class folder without images."""
    for name, files in branch.files.items():
        if not files:
            raise UserError(
                f"{printable(branch.folder / str(name))} holds no images, though folders are classes; fill or remove it"
            )


def check_disjoint(branches: Mapping[str, Branch]) -> None:
    """Raises UserError for a file that is in two splits, also through links."""
    owners: dict[Stat, tuple[str, Path]] = {}
    for split, branch in branches.items():
        for path, stat in (item for files in branch.files.values() for item in files.items()):
            owner, other = owners.setdefault(stat, (split, path))
            if owner != split and stat != NOWHERE:
                raise UserError(
                    f"{printable(path)} and {printable(other)} are one file in two splits;"
                    f" remove it from {split} or {owner}"
                )


def check_findings(root: Path, found: Mapping[Path, Finding], corrupt: str, bits: int) -> None:
    """Report the scan: an error or warning for unreadable files, and a summary of image modes."""
    problems = {path: one for path, one in found.items() if isinstance(one, str)}
    headers = {path: one for path, one in found.items() if isinstance(one, Header)}
    for path, header in headers.items():
        if header.peak >= 2**bits:
            raise UserError(
                f"{printable(path)} holds {header.peak}, more than data.source.bits={bits} can hold; set it to"
                f" {header.peak.bit_length()}"
            )
    if problems and corrupt == ERROR:
        raise UserError(
            f"{printable(root)} has {len(problems)} of {len(found)} images that cannot be read:"
            f" {list_problems(problems)}; repair or remove them, or set data.corrupt=skip"
        )
    if problems:
        left_out = f"left out {len(problems)} of {len(found)} images that cannot be read"
        warn_once(log, f"{printable(root)}: {left_out}: {list_problems(problems)}")
    modes = Counter(header.mode for header in headers.values())
    kinds = ", ".join(f"{num} {mode}" for mode, num in modes.most_common())
    log.info("%s: %d images (%s)", printable(root), len(headers), kinds)
    warn_of_frames(headers)
    warn_of_dark(headers, bits)


def list_problems(problems: Mapping[Path, str]) -> str:
    """The first unreadable files with the reasons, and the number of others."""
    first = [f"{printable(path)} {problem}" for path, problem in list(problems.items())[:NAMED]]
    more = len(problems) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def warn_of_frames(headers: Mapping[Path, Header]) -> None:
    several = [path for path, header in headers.items() if header.frames > 1]
    if several:
        images = f"{len(several)} images such as {printable(several[0])}"
        warn_once(log, f"{images} have several frames; only the first is read")


def warn_of_dark(headers: Mapping[Path, Header], bits: int) -> None:
    """Warn if 16-bit grey leaves the upper bits unused, as a 12-bit detector does."""
    peaks = [header.peak for header in headers.values() if header.mode in SIXTEEN_BITS]
    needed = max(8, max(peaks, default=0).bit_length())
    if peaks and needed < bits - 1:  # less than a quarter of the range
        warn_once(
            log,
            f"the brightest value of {len(peaks)} 16-bit images is {max(peaks)} of {2**bits - 1};"
            f" set data.source.bits={needed} to use the full range",
        )
