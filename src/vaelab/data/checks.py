"""Checks of a data config, before training starts."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from vaelab.data.auto_values import AUTO
from vaelab.data.examples import LeavesOut, NamesClasses, Source, Split
from vaelab.data.pixels import Pixels
from vaelab.errors import UserError
from vaelab.printing import warn_once

log = logging.getLogger(__name__)


def check_sizes(
    batch_size: int, chunk: int, num_validation: int | str, num_classes: int | str, classes: Sequence[str] | str
) -> None:
    """Raises UserError for invalid counts; `auto` is always valid."""
    for name, value in (("batch_size", batch_size), ("chunk", chunk), ("num_validation", num_validation)):
        if value != AUTO and (not isinstance(value, int) or value < 1):
            raise UserError(f"data.{name}={value} is too small; set it to 1 or more")
    if num_classes != AUTO and (not isinstance(num_classes, int) or num_classes < 0):
        raise UserError(f"data.num_classes={num_classes} is not a number of classes; set it to 0 or more, or to auto")
    if isinstance(classes, str) and classes != AUTO:
        raise UserError(f"data.classes={classes} is not a list of names; set it to [{classes},…], [] or auto")
    if AUTO not in (classes, num_classes) and len(classes) not in (0, num_classes):
        raise UserError(
            f"data.classes names {len(classes)} classes, but data.num_classes={num_classes}; name all or none"
        )


def check_value_range(value_range: Sequence[float] | str) -> None:
    """Raises UserError unless black is below white."""
    if isinstance(value_range, str):  # auto
        return
    low, high = value_range
    if not low < high:
        raise UserError(f"data.value_range=[{low},{high}] must rise; set it to [lowest,highest] or auto")


def check_corrupt(corrupt: str, source: Source) -> None:
    """Raises UserError unless the source can skip unreadable files."""
    if corrupt == "error" or isinstance(source, LeavesOut):
        return
    if corrupt == "skip":
        raise UserError(
            f"data.corrupt=skip needs a source of image files, but {type(source).__name__} is not one; set"
            " data.corrupt=error"
        )
    raise UserError(f"data.corrupt={corrupt} is unknown; choose one of error, skip")


def check_classes(source: Source, num_classes: int) -> None:
    """Raises UserError if `num_classes` differs from the number of class folders; 0 discards the labels."""
    if not isinstance(source, NamesClasses) or not num_classes:
        return
    found = source.class_names()
    if len(found) != num_classes:
        there = (
            f"{len(found)} class folders ({', '.join(found[:5])}{', …' * (len(found) > 5)})"
            if found
            else "no class folders"
        )
        raise UserError(f"data.num_classes={num_classes}, but there are {there}; set data.num_classes=auto")


def check_every_class(
    name: str, train: Tensor | None, validation: Tensor | None, num_classes: int, classes: Sequence[str]
) -> None:
    """Raises UserError for a class without examples; warns of a class without training examples."""
    if not num_classes or train is None or validation is None:
        return
    seen = train.bincount(minlength=num_classes)
    there = seen + validation.bincount(minlength=num_classes)
    unseen = (seen == 0).nonzero().flatten().tolist()
    named = [f"{label} ({classes[label]})" if classes else str(label) for label in unseen]
    for label, text in zip(unseen, named, strict=True):
        if not there[label]:
            raise UserError(
                f"data.num_classes={num_classes}, but {name} has no training example of class {text};"
                " add some, or set data.num_classes=0 to leave labels out"
            )
    if unseen:
        which = f"class {named[0]}" if len(named) == 1 else f"{len(named)} classes ({', '.join(named[:3])}, …)"
        warn_once(log, f"all training examples of {which} of {name} are in validation; raise their number")


def check_part(name: str, part: Split, shape: tuple[int, ...], num_classes: int) -> None:
    """Raises UserError if shape or labels of a split contradict the config."""
    if part.shape != shape:
        raise UserError(
            f"data.shape={list(shape)}, but examples of {name} have shape {list(part.shape)};"
            f" set data.shape={list(part.shape)}".replace(", ", ",").replace(",but", ", but")
        )
    if num_classes and part.y is None:
        raise UserError(f"data.num_classes={num_classes}, but {name} has no labels; set data.num_classes=0")
    if num_classes and part.y is not None and len(part):
        low, high = int(part.y.min()), int(part.y.max())
        if low < 0 or high >= num_classes:
            raise UserError(
                f"data.num_classes={num_classes} allows labels 0 to {num_classes - 1}, but {name} has labels"
                f" {low} to {high}; set data.num_classes={high + 1} or repair the labels"
            )


def check_validation(name: str, num_train: int, num_validation: int) -> None:
    """Raises UserError if taking validation examples from train would leave none."""
    if num_train < 2:
        raise UserError(f"{name} has {num_train} training example, but at least 2 are needed: one is for validation")
    if num_validation >= num_train:
        raise UserError(
            f"data.num_validation={num_validation} leaves nothing to train on: {name} has {num_train}"
            f" training examples; set data.num_validation below {num_train}"
        )


def check_own_validation(name: str, there: int, num_validation: int) -> None:
    """Raises UserError if the configured size is not that of the data's own validation split."""
    if there != num_validation:
        raise UserError(
            f"data.num_validation={num_validation}, but {name} has a validation split of {there} examples;"
            " set data.num_validation=auto"
        )


def check_pixels(name: str, part: Split, pixels: Pixels) -> None:
    """Raises UserError for floats that are to be scaled, binarized or dequantized: their range is unknown."""
    if pixels.plain or part[torch.arange(1)].x.dtype == torch.uint8:
        return
    raise UserError(
        f"{name} gives floats, which cannot be scaled as pixels; set data.scale=none data.binarization=none"
        " data.dequantization=false"
    )
