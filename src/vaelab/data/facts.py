"""Values of a data config that are `auto`, read from the data: classes, sizes, shape and range of x."""

from typing import Any

import torch
from omegaconf import DictConfig, open_dict

from vaelab.data.examples import HasOwnValidation, NamesClasses, Source, Split

AUTO = "auto"
FACTS = ("num_classes", "classes", "num_validation")
FACTS_OF_X = ("shape", "scale", "value_range")
NUM_LOOKED_AT = 10_000  # examples, for the range of their values
VALIDATION_SHARE, MOST_VALIDATION = 10, 10_000


def write_facts(node: DictConfig, data: Any) -> None:
    """Put the data module's facts where `auto` stands in the config of the data.

    What refers to ${data.num_classes} is then built with the number, and the run that saves the config needs no
    data to say it again.
    """
    with open_dict(node):
        for name in (*FACTS, *FACTS_OF_X):
            if node.get(name) == AUTO:
                value = getattr(data, name)
                node[name] = list(value) if isinstance(value, tuple) else value


def class_names(source: Source) -> tuple[str, ...]:
    """The names of the source's classes, where it knows them."""
    return source.class_names() if isinstance(source, NamesClasses) else ()


def count_classes(source: Source) -> int:
    """How many classes the source names or, where it names none, its training labels tell apart; 0 without labels."""
    if isinstance(source, NamesClasses):
        return len(source.class_names())
    y = source.load("train").y
    return 0 if y is None or not len(y) else int(torch.as_tensor(y).max()) + 1


def validation_size(source: Source) -> int:
    """That of a validation split of its own, else a tenth of train and at most 10,000."""
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
    """What is black and what is white: 0 and 255 of uint8; of floats 0 or -1 and 1 where x lies between, else its ends.

    Those are the ends of at most NUM_LOOKED_AT training examples.
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
    """Whether the stored x are pixels of 0 to 255."""
    return split[torch.arange(1)].x.dtype == torch.uint8
