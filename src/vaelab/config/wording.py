"""Annotations and values in plain words."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt, MinLen

from vaelab.config.part import Part
from vaelab.config.values import LARGEST, LISTS, MAPPINGS, SETS, too_large
from vaelab.ranges import OrWord

LONG = 80  # characters of a value that a sentence repeats
NOUNS: dict[Any, tuple[str, str]] = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("text", "text"),
    Path: ("text", "text"),
    NoneType: ("null", "null"),
    None: ("null", "null"),
}


def describe(annotation: Any, value: Any = None, many: bool = False) -> str:
    """What `value` must be: "an integer of at least 1", or of `many` "integers of at least 1"."""
    if too_large(value):
        return f"an integer of at most {LARGEST}"
    words = _join(dict.fromkeys(_alternatives(annotation, many)))
    finite = not isinstance(value, float) or math.isfinite(value)
    return words if finite else words.replace("a number", "a finite number")


def _alternatives(annotation: Any, many: bool) -> list[str]:
    origin, args = get_origin(annotation), get_args(annotation)
    kind = origin or annotation
    if kind is bool:
        return ["true", "false"]
    if kind in NOUNS:
        return [NOUNS[kind][many]]
    if origin is Annotated:
        words = [each.word for each in annotation.__metadata__ if isinstance(each, OrWord)]
        return [*(_with_range(each, annotation.__metadata__) for each in _alternatives(args[0], many)), *words]
    if origin is Literal:
        return list({str(each): show(each) for each in args}.values())  # of '32' and 32 one is enough
    if origin in (Union, UnionType):
        return [words for each in args for words in _alternatives(each, many)]
    if kind in LISTS + SETS + MAPPINGS:
        return [_collection(kind, args, many)]
    return [_object(annotation, many)]


def options(annotation: Any) -> list[str]:
    """The words of which a value may be one."""
    args = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [each for each in args if isinstance(each, str)]
    return [word for each in args for word in options(each)]


def _collection(kind: Any, args: tuple[Any, ...], many: bool) -> str:
    name = "dictionar" if kind in MAPPINGS else "list"
    noun = {"dictionar": ("a dictionary", "dictionaries"), "list": ("a list", "lists")}[name][many]
    if not args or args[-1] is Any:
        return noun
    number = f"{len(args)} " if kind is tuple and ... not in args else ""
    return f"{noun} of {number}{describe(args[1] if kind in MAPPINGS else args[0], many=True)}"


def _object(annotation: Any, many: bool) -> str:
    """What a node with a `_target_` describes."""
    args, partial = get_args(annotation), "not _partial_"
    if Callable in (annotation, get_origin(annotation)):
        annotation, partial = (args[-1] if args else object), "_partial_"
    name = "object" if annotation is Any else getattr(annotation, "__name__", str(annotation))
    return f"nodes for {name} objects" if many else f"{_article(name)} (a node with _target_, {partial})"


def _with_range(noun: str, metadata: Iterable[Any]) -> str:
    """The same with its range: of a number, or of how many entries a list has."""
    limits = {type(each): each for each in metadata}
    if MinLen in limits:
        least = limits[MinLen].min_length
        if noun == "text":
            return "non-empty text"
        return noun.replace("a list", "a non-empty list" if least == 1 else f"a list (at least {least} long)", 1)
    if Ge in limits and Le in limits:
        return f"{noun} from {show(limits[Ge].ge)} to {show(limits[Le].le)}"
    parts = [f"of at least {show(limits[Ge].ge)}"] if Ge in limits else []
    parts += [f"above {show(limits[Gt].gt)}"] if Gt in limits else []
    parts += [f"below {show(limits[Lt].lt)}"] if Lt in limits else []
    parts += [f"{'' if parts else 'of '}at most {show(limits[Le].le)}"] if Le in limits else []
    return " ".join([noun, " and ".join(parts)]).strip()


def _join(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _article(name: str) -> str:
    spoken = "an" if name[:1].lower() in "aeiou" or name[:2] in ("LR", "MA", "NS") else "a"
    return f"{spoken} {name}"


def show(value: Any) -> str:
    """A value as the command line takes it, cut where it is long."""
    text = _to_yaml(value)
    return text if len(text) <= LONG else f"{text[:LONG]}…"


def _to_yaml(value: Any) -> str:
    if isinstance(value, Part):
        return f"{{_target_:{value.name}}}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_to_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_to_yaml, value)) + "]"
    return _quote(value) if isinstance(value, str) else str(value)


def _quote(text: str) -> str:
    """Text, in quotes where it would be read as something else or not be seen."""
    try:
        plain = isinstance(yaml.safe_load(text), str) or text in ("on", "off", "yes", "no")
    except yaml.YAMLError:
        plain = False
    return text if plain and text == text.strip() else f"'{text}'"
