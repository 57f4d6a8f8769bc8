"""What a data config may get wrong, found before training starts."""

import torch

from vaelab.data.examples import Split
from vaelab.data.pixels import Pixels
from vaelab.errors import UserError


def check_sizes(batch_size: int, chunk: int, num_validation: int, num_classes: int, classes: int) -> None:
    """Counts that no data set can satisfy."""
    for name, value in (("batch_size", batch_size), ("chunk", chunk), ("num_validation", num_validation)):
        if value < 1:
            raise UserError(f"data.{name}={value} is too small; set it to 1 or more")
    if classes not in (0, num_classes):
        raise UserError(f"data.classes names {classes} classes, but data.num_classes={num_classes}; name all or none")


def check_part(name: str, part: Split, shape: tuple[int, ...], num_classes: int) -> None:
    """Shape and labels of what a source gave, against the config."""
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
    """Validation comes out of train and must leave some of it."""
    if num_validation >= num_train:
        raise UserError(
            f"data.num_validation={num_validation} leaves nothing to train on: {name} has {num_train}"
            f" training examples; set data.num_validation below {num_train}"
        )


def check_pixels(name: str, part: Split, pixels: Pixels) -> None:
    """Only uint8 can be scaled, binarized or dequantized: what a float stands for is not known here."""
    if pixels.plain or part[torch.arange(1)].x.dtype == torch.uint8:
        return
    raise UserError(
        f"{name} gives floats, which are no pixels to scale; set data.scale=none data.binarization=none"
        " data.dequantization=false"
    )
