"""References between the values of a saved config, followed without resolving them."""

import re
from collections.abc import Iterator
from typing import Any

REFERENCE = re.compile(r"\$\{(\.*)([A-Za-z_]\w*(?:\.\w+|\[\w+\])*)\}")
ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\\$\{")  # an odd number of backslashes: text that only looks like a reference
MAX_VALUES = 100_000  # that a config may have once every reference is replaced by what it means

Place = tuple[str, ...]


def check_references(plain: Any) -> Iterator[str]:
    """What is wrong with the references: a circle, or more values behind them than memory has room for.

    References multiply: twenty keys that each hold the next one twice stand for a million values.
    """
    sizes: dict[Place, int] = {}

    def size(place: Place) -> int:
        if place in sizes:
            if sizes[place] < 0:
                raise _CircleError(".".join(place))
            return sizes[place]
        sizes[place] = -1
        value = _select(plain, place)
        if isinstance(value, dict):
            total = 1 + sum(size((*place, key)) for key in value)
        elif isinstance(value, list):
            total = 1 + sum(size((*place, str(number))) for number in range(len(value)))
        elif isinstance(value, str):
            total = 1 + sum(size(target) for target in _targets(value, place))
        else:
            total = 1
        sizes[place] = total
        return total

    try:
        if size(()) > MAX_VALUES:
            yield f"its references stand for more than {MAX_VALUES} values"
    except _CircleError as circle:
        yield f"the value of {circle} refers to itself"
    except RecursionError:
        yield "its references lead from one to the next too often"


class _CircleError(Exception):
    """A value that is reached while it is being followed."""


def _targets(text: str, place: Place) -> Iterator[Place]:
    """The places that a value refers to; leading dots count from the node that holds the value."""
    for dots, path in REFERENCE.findall(text):
        base = place[: -len(dots)] if dots else ()
        yield (*base, *re.findall(r"\w+", path))


def _select(plain: Any, place: Place) -> Any:
    """The value at a place; None where there is none, which is said when the reference is resolved."""
    for key in place:
        if isinstance(plain, dict):
            plain = plain.get(key)
        elif isinstance(plain, list) and key.isdecimal() and int(key) < len(plain):
            plain = plain[int(key)]
        else:
            return None
    return plain
