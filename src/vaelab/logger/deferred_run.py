"""A proxy of a W&B run whose calls do not block."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A method of the run, such as `log` or `config.update`, or a function of the run, and its further arguments."""

    method: str | Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class DeferredRun:
    """A proxy of the run: method calls are queued in order and return None.

    run.log({"train/loss": 1.0})
    run.config.update({"seed": 0})
    run.summary["best"] = 1.0
    """

    def __init__(self, id: str | None, hand_over: Callable[[Call], None], path: str = "") -> None:
        self.id = id
        self._hand_over = hand_over
        self._path = path

    def __getattr__(self, name: str) -> "DeferredRun":
        if name.startswith("_"):  # lookups by Python, such as __deepcopy__
            raise AttributeError(name)
        return DeferredRun(self.id, self._hand_over, f"{self._path}.{name}".lstrip("."))

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self._hand_over(Call(self._path, args, kwargs))

    def __setitem__(self, key: str, value: Any) -> None:
        self._hand_over(Call(f"{self._path}.__setitem__", (key, value), {}))
