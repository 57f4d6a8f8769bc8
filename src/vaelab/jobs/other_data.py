"""Evaluation on data that the model was not trained on: out of distribution, or another test set."""

from collections.abc import Collection

from omegaconf import DictConfig

from vaelab.config import build
from vaelab.data.auto_values import AUTO, AUTO_OF_DATA
from vaelab.data.examples import NamesClasses
from vaelab.errors import UserError

CHOSEN = ("data", "data.source.root", "data.source.path")
PIXELS = ("scale", "binarization", "dequantization", "value_range")  # how the model interprets x


def chooses_other_data(overrides: Collection[str]) -> bool:
    """Whether the overrides choose other examples; another share of the same examples does not count."""
    return any(key in overrides for key in CHOSEN)


def asks_for_a_share(overrides: Collection[str]) -> bool:
    """Whether the overrides set how much of data without splits is evaluated."""
    return "data.source.test_fraction" in overrides


def fit_to_model(config: DictConfig, saved: DictConfig, overrides: Collection[str]) -> None:
    """Set pixels, shape and class numbers of other data to those of the run's model.

    `config` is what is evaluated, `saved` what the run was trained with; keys in `overrides` are not changed.

    Raises:
        UserError: the shape or the labels do not fit the model.
    """
    node, before, name = config.data, saved.data, config.choices.data
    free = [key for key in (*PIXELS, "shape", *AUTO_OF_DATA) if f"data.{key}" not in overrides]
    taken_over = [key for key in PIXELS if key in free and key in before]
    if "shape" in free and ("shape" in node.source or node.shape == AUTO):  # images that are resized
        taken_over.append("shape")
    for key in taken_over:
        if key in node or key != "value_range":
            node[key] = before[key]
    if list(node.shape) != list(before.shape):
        raise UserError(
            f"data '{name}' has examples of shape {list(node.shape)}, but the run's model takes {list(before.shape)};"
            " choose data of that shape"
        )
    if "classes" in node.source:
        renumber_classes(node, before, [key for key in AUTO_OF_DATA if key in free])
    if AUTO in (node.num_classes, node.classes):  # class numbers as stored
        node.num_classes, node.classes = before.num_classes, before.classes
    if config.choices.get("condition") != "none":
        check_labels(node, before, name)


def renumber_classes(node: DictConfig, before: DictConfig, free: Collection[str]) -> None:
    """Take the classes of an image folder or, if the run knows all of them, the run's class numbers."""
    for key in free:
        node[key] = AUTO
    if not {"classes", "num_classes"} <= set(free):
        return
    if before.num_classes == 0:  # the run discards labels
        node.classes, node.num_classes = [], 0
        return
    source = build(node.source)
    assert isinstance(source, NamesClasses)
    names = source.class_names()
    known = bool(names) and set(names) <= set(before.classes)
    node.classes = before.classes if known else list(names)
    node.num_classes = len(node.classes)


def check_labels(node: DictConfig, before: DictConfig, name: str) -> None:
    """Raises UserError if class numbers do not mean the same as in training."""
    here, there = (list(one.classes) for one in (node, before))
    if node.num_classes != before.num_classes or (here and there and here != there):
        raise UserError(
            f"the run's model was trained with labels of {describe_classes(before.num_classes, there)}, but data"
            f" '{name}' has {describe_classes(node.num_classes, here)}; choose data of the same classes"
        )


def describe_classes(num: int, names: Collection[str]) -> str:
    """The number of classes, and the first of their names, as text."""
    first = ", ".join(list(names)[:5]) + (", …" if len(names) > 5 else "")
    return f"{num} classes{f' ({first})' if names else ''}"
