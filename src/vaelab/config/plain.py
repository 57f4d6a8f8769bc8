"""Walks over the nested dicts and lists that a config is without OmegaConf; places are dotted keys."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def nodes(plain: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every dict with its place."""
    if isinstance(plain, dict):
        yield place, plain
        for key, inner in plain.items():
            yield from nodes(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(plain, list):
        for number, inner in enumerate(plain):
            yield from nodes(inner, f"{place}[{number}]")


def texts(plain: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text with its place; those of one list share that of the list."""
    if isinstance(plain, dict):
        for key, inner in plain.items():
            yield from texts(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(plain, list):
        for number, inner in enumerate(plain):
            yield from texts(inner, place if isinstance(inner, str) else f"{place}[{number}]")
    elif isinstance(plain, str):
        yield place, plain


def paths(plain: Any, above: str = "") -> Iterator[str]:
    """The place of every key of nested dicts."""
    for key, inner in plain.items() if isinstance(plain, dict) else ():
        yield f"{above}{key}"
        yield from paths(inner, f"{above}{key}.")


def map_texts(plain: Any, change: Callable[[str], Any]) -> Any:
    """The same with each text changed."""
    if isinstance(plain, dict):
        return {key: map_texts(value, change) for key, value in plain.items()}
    if isinstance(plain, list):
        return [map_texts(value, change) for value in plain]
    return change(plain) if isinstance(plain, str) else plain
