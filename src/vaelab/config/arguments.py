"""What a class or function takes: its signature, with annotations as types."""

import inspect
import typing
from collections.abc import Callable
from functools import cache
from inspect import Parameter
from typing import Any

from vaelab.config.libraries import refine_annotations

# Both write *args and **kwargs, and both refuse them when called.
TAKES_NOTHING = {"torch.nn.modules.module.Module", "lightning.pytorch.core.module.LightningModule"}


@cache
def parameters(target: Callable[..., Any]) -> list[Parameter] | None:
    """The parameters that a caller may give, or None where a compiled target does not tell.

    An annotation that cannot be resolved is `Any`; what config/libraries.py says more closely counts first.
    """
    method = _constructor(target)
    if _full_name(method).removesuffix(".__init__") in TAKES_NOTHING:
        return []
    try:
        found = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    hints = _hints(method)
    named = [one.replace(annotation=hints.get(one.name, _plain(one.annotation))) for one in found]
    return refine_annotations(target, named)


def _constructor(target: Any) -> Any:
    """The function whose annotations are those of the target's arguments."""
    if not inspect.isclass(target):
        return target if hasattr(target, "__qualname__") else type(target).__call__
    own = target.__init__
    return target.__new__ if own is object.__init__ and target.__new__ is not object.__new__ else own


def _full_name(method: Any) -> str:
    return f"{getattr(method, '__module__', '')}.{getattr(method, '__qualname__', '')}"


def _hints(method: Any) -> dict[str, Any]:
    """The annotations, each resolved alone: one that cannot be is Any, and the others are still checked."""
    found: dict[str, Any] = {}
    names = getattr(inspect.unwrap(method), "__globals__", {})
    for key, annotation in getattr(method, "__annotations__", {}).items():
        holder = type("Holder", (), {"__annotations__": {key: annotation}})
        try:
            found |= typing.get_type_hints(holder, names, include_extras=True)
        except Exception:  # evaluating a user's annotation may raise anything
            found[key] = Any
    return found


def _plain(annotation: Any) -> Any:
    return Any if annotation is Parameter.empty or isinstance(annotation, str) else annotation
