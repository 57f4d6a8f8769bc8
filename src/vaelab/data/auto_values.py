"""Values of a data config that are `auto`, read from the data: classes, sizes, shape and range of x."""

from typing import Any

import torch
from omegaconf import DictConfig, open_dict

from vaelab.data.examples import HasOwnValidation, NamesClasses, Source, Split

AUTO = "auto"
AUTO_OF_DATA = ("num_classes", "classes", "num_validation")
AUTO_OF_X = ("shape", "scale", "value_range")
NUM_LOOKED_AT = 10_000  # examples that determine the range of values
VALIDATION_SHARE, MOST_VALIDATION = 10, 10_000


def write_auto_values(node: DictConfig, data: Any) -> None:
    """Replace `auto` in the data config by the data module's values.

    References such as ${data.num_classes} then resolve to numbers, and a run can be rebuilt from its saved config
    without reading the data.
    """
    with open_dict(node):
        for name in (*AUTO_OF_DATA, *AUTO_OF_X):
            if node.get(name) == AUTO:
                value = getattr(data, name)
                node[name] = list(value) if isinstance(value, tuple) else value


def class_names(source: Source) -> tuple[str, ...]:
    """The names of the source's classes; empty if it has none."""
    return source.class_names() if isinstance(source, NamesClasses) else ()


def count_classes(source: Source) -> int:
    """The number of class names or, without names, the largest training label + 1; 0 without labels."""
    if isinstance(source, NamesClasses):
        return len(source.class_names())
    y = source.load("train").y
    return 0 if y is None or not len(y) else int(torch.as_tensor(y).max()) + 1


def validation_size(source: Source) -> int:
    """The size of the source's own validation split, else a tenth of train, at most 10,000."""
    if isinstance(source, HasOwnValidation) and source.own_validation():
        return len(source.load("validation"))
    return max(1, min(MOST_VALIDATION, round(len(source.load("train")) / VALIDATION_SHARE)))


def shape_of(source: Source) -> tuple[int, ...]:
    """The shape of one example."""
    return source.load("train").shape


def scale_of(source: Source) -> str:
    """`unit` for uint8 pixels; `none` for floats, which keep their range."""
    return "unit" if is_uint8(source.load("train")) else "none"


def value_range_of(source: Source) -> tuple[float, float]:
    """Black and white: 0 and 255 for uint8; for floats 0 or -1 and 1 if all x lie between, else minimum and maximum.

    The range is that of at most NUM_LOOKED_AT training examples.
    """
    train = source.load("train")
    if is_uint8(train):
        return (0.0, 255.0)
    x = train[torch.linspace(0, len(train) - 1, min(len(train), NUM_LOOKED_AT)).long()].x
    low, high = float(x.min()), float(x.max())
    for least in (0.0, -1.0):
        if least <= low and high <= 1:
            return (least, 1.0)
    return (low, high) if high > low else (low, low + 1)


def is_uint8(split: Split) -> bool:
    """Whether the stored x are uint8 pixels."""
    return split[torch.arange(1)].x.dtype == torch.uint8
