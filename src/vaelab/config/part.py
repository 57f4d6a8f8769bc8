"""A node with a `_target_`, as the value of an argument: whether what it builds is what is asked for."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, get_args, get_origin


class Part(NamedTuple):
    """What a node says about itself; its own arguments are checked where it stands."""

    name: str
    target: Callable[..., Any] | None  # None where the name is a mistake, and reported as such
    partial: bool


def fits(annotation: Any, part: Part) -> bool:
    """Whether the part may be an object of the annotation, as far as classes tell without building it."""
    origin, args = get_origin(annotation), get_args(annotation)
    if part.target is None:
        return True
    if Callable in (origin, annotation):
        return _is_callable(part) and (not part.partial or not args or _builds(args[-1], part.target))
    return not part.partial and _builds(annotation, part.target)


def _is_callable(part: Part) -> bool:
    """Partials are, and so may be what a function returns; a class says it of its objects."""
    return part.partial or not inspect.isclass(part.target) or _defines(part.target, "__call__")


def _builds(wanted: Any, target: Callable[..., Any]) -> bool:
    """Whether calling the target may give the class, or what keeps the protocol."""
    if wanted is Any or not inspect.isclass(wanted) or not inspect.isclass(target):
        return True
    if getattr(wanted, "_is_protocol", False):
        return all(_defines(target, name) for name in _methods(wanted))
    return issubclass(target, wanted)


def _defines(target: type, name: str) -> bool:
    """Whether its objects have it; asking the class itself would find `__call__` in every class."""
    return any(name in vars(each) for each in target.__mro__)


def _methods(protocol: type) -> list[str]:
    """What a protocol can do; what it merely has may be set when it is built."""
    lines = [each for each in protocol.__mro__ if getattr(each, "_is_protocol", False) and each is not Protocol]
    return [name for each in lines for name, value in vars(each).items() if inspect.isfunction(value)]
