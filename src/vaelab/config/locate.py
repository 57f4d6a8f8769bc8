"""The class or function that a `_target_` names, imported."""

import importlib
import importlib.util
import pkgutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vaelab.errors import UserError, did_you_mean
from vaelab.signals import defer_signals, raise_if_stopped


@cache
def locate(name: str) -> Any:
    """What a dotted name stands for, in the longest module that the name begins with.

    Raises:
        UserError: a part of the name does not exist, the module cannot be imported, or it is not callable.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"'{name}' is not the dotted name of a class or function, as in torch.nn.ReLU")
    found, rest = _longest_module(name.split("."))
    for part in rest:
        if not hasattr(found, part):
            place = getattr(found, "__name__", type(found).__name__)
            raise UserError(f"no '{part}' in {place}" + did_you_mean(part, _members(found)))
        found = getattr(found, part)
    if isinstance(found, ModuleType):
        raise UserError(f"{name} is a module, not a class or function")
    if not callable(found):
        raise UserError(f"{name} is not a class or function, but of type {type(found).__name__}")
    return found


# Packages that are never plugins.
LIBRARIES = """
    vaelab torch torchvision torchmetrics torch_fidelity lightning pytorch_lightning lightning_fabric hydra omegaconf
    wandb zuko yaml numpy scipy sklearn matplotlib PIL rich pydantic jaxtyping hydra_plugins
    """


def is_library(package: str) -> bool:
    """Whether a package comes with Python, with vaelab, or with what vaelab needs."""
    return package in sys.stdlib_module_names or package in LIBRARIES.split()


def _longest_module(parts: list[str]) -> tuple[Any, list[str]]:
    """The longest beginning of a name that is a module, imported, and what remains."""
    find_module(parts[0])
    module = _import(parts[0])
    for place, part in enumerate(parts[1:], 1):
        # What a package binds itself comes first, as for `package.name` in Python.
        inner = ".".join(parts[: place + 1])
        if hasattr(module, part) and not isinstance(getattr(module, part), ModuleType):
            return module, parts[place:]
        if not hasattr(module, "__path__") or importlib.util.find_spec(inner) is None:
            return module, parts[place:]
        module = _import(inner)
    return module, []


def find_module(name: str) -> None:
    """Raise UserError where no module has this name, neither installed nor in the working directory."""
    here = str(Path.cwd())
    if name not in sys.modules and importlib.util.find_spec(name) is None and here not in sys.path:
        sys.path.append(here)  # as `python -m` has it; last, so that it hides nothing
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        hint = did_you_mean(name, ("torch", "vaelab", "lightning", "zuko", "torchvision", "torchmetrics"))
        raise UserError(f"no module '{name}'" + (hint or "; install it, or add its folder to PYTHONPATH"))


def _import(name: str) -> ModuleType:
    """A module. Whatever its code raises is a mistake of the config that named it."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        with defer_signals():  # an import that is broken off leaves half a module
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise UserError(f"cannot import {name}: {type(error).__name__}: {reason}") from error
    raise_if_stopped()
    return module


def _members(found: Any) -> set[str]:
    """Public names and submodules, to suggest one."""
    names = set(vars(found)) if hasattr(found, "__dict__") else set()
    names |= {module.name for module in pkgutil.iter_modules(getattr(found, "__path__", []))}
    return {name for name in names if not name.startswith("_")}
