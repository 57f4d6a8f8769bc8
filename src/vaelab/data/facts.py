"""What a data set says about itself, where the config says `auto`: classes, their number, the size of validation."""

from typing import Any

import torch
from omegaconf import DictConfig, open_dict

from vaelab.data.examples import HasOwnValidation, NamesClasses, Source

AUTO = "auto"
FACTS = ("num_classes", "classes", "num_validation")
VALIDATION_SHARE, MOST_VALIDATION = 10, 10_000


def write_facts(node: DictConfig, data: Any) -> None:
    """Put the data module's facts where `auto` stands in the config of the data.

    What refers to ${data.num_classes} is then built with the number, and the run that saves the config needs no
    data to say it again.
    """
    with open_dict(node):
        for name in FACTS:
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
