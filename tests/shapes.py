"""Runtime checks of array shapes against annotations, by jaxtyping's import hook."""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its shapes checked at every call; mypy checks the rest of what it takes.

    Protocols and mocks keep their freedom: only annotations that name a shape count.
    """
    hints = getattr(function, "__annotations__", {})
    function.__annotations__ = {name: hint if "jaxtyping" in repr(hint) else Any for name, hint in hints.items()}
    return check(function)
