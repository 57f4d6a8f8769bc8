"""Data that a model was not trained on: for measurements out of its distribution, or of a new test set."""

from collections.abc import Collection

from omegaconf import DictConfig

from vaelab.config import build
from vaelab.data.examples import NamesClasses
from vaelab.data.facts import AUTO, FACTS
from vaelab.errors import UserError

CHOSEN = ("data", "data.source.root", "data.source.path")
PIXELS = ("scale", "binarization", "dequantization", "value_range")  # what the model takes x for


def chooses_other_data(overrides: Collection[str]) -> bool:
    """Whether keys that are overridden name other examples; another share of the same examples does not count."""
    return any(key in overrides for key in CHOSEN)


def asks_for_a_share(overrides: Collection[str]) -> bool:
    """Whether keys that are overridden say how much of examples without splits is to be evaluated."""
    return "data.source.test_fraction" in overrides


def fit_to_model(config: DictConfig, saved: DictConfig, overrides: Collection[str]) -> None:
    """Present other data as the run's model wants it: its pixels, its shape, its numbering of classes.

    `config` is what is to be evaluated, `saved` what the run was trained with; what is in `overrides` stays.

    Raises:
        UserError: the shape does not fit, or the labels do not fit a model that is told them.
    """
    node, before, name = config.data, saved.data, config.choices.data
    free = [key for key in (*PIXELS, "shape", *FACTS) if f"data.{key}" not in overrides]
    taken_over = [key for key in PIXELS if key in free and key in before]
    if "shape" in free and ("shape" in node.source or node.shape == AUTO):  # images that are brought to any shape
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
        renumber_classes(node, before, [key for key in FACTS if key in free])
    if AUTO in (node.num_classes, node.classes):  # numbered as they are stored
        node.num_classes, node.classes = before.num_classes, before.classes
    if config.choices.get("condition") != "none":
        check_labels(node, before, name)


def renumber_classes(node: DictConfig, before: DictConfig, free: Collection[str]) -> None:
    """Let a folder say its own classes or, where the run knows all of them, number them as the run does."""
    for key in free:
        node[key] = AUTO
    if not {"classes", "num_classes"} <= set(free):
        return
    if before.num_classes == 0:  # the run leaves labels out
        node.classes, node.num_classes = [], 0
        return
    source = build(node.source)
    assert isinstance(source, NamesClasses)
    names = source.class_names()
    known = bool(names) and set(names) <= set(before.classes)
    node.classes = before.classes if known else list(names)
    node.num_classes = len(node.classes)


def check_labels(node: DictConfig, before: DictConfig, name: str) -> None:
    """Raises UserError where a label would not mean what it meant in training."""
    here, there = (list(one.classes) for one in (node, before))
    if node.num_classes != before.num_classes or (here and there and here != there):
        raise UserError(
            f"the run's model is told labels of {describe_classes(before.num_classes, there)}, but data '{name}' has"
            f" {describe_classes(node.num_classes, here)}; choose data of the same classes"
        )


def describe_classes(num: int, names: Collection[str]) -> str:
    """How many classes, and the first of their names."""
    first = ", ".join(list(names)[:5]) + (", …" if len(names) > 5 else "")
    return f"{num} classes{f' ({first})' if names else ''}"
