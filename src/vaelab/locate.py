"""Classes and functions found by name in source files, without importing anything.

A name is followed as Python would follow it: through packages, `from .x import Y as Z`, star imports and
plain assignments, until the class or function that it stands for.
"""

import ast
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import NamedTuple

from vaelab.errors import did_you_mean

Function = ast.FunctionDef | ast.AsyncFunctionDef


class NotFoundError(Exception):
    """A dotted name that leads to no class or function."""


class Definition(NamedTuple):
    """Where a class or function is written; `node` is None where there is no source to read."""

    module: str
    name: str
    node: ast.ClassDef | Function | None

    @property
    def full_name(self) -> str:
        """The dotted name at which it is defined, whatever it was asked for by."""
        return f"{self.module}.{self.name}"


class Names(NamedTuple):
    """What the top level of a module binds: definitions, or the dotted name that a name stands for."""

    bound: dict[str, ast.stmt | str]
    stars: list[str]


def locate(name: str) -> Definition:
    """The class or function that a dotted name stands for, found without importing anything.

    Raises:
        NotFoundError: a part of the name does not exist, or it stands for something else.
    """
    return _locate(name, frozenset())


@cache
def _locate(name: str, seen: frozenset[str]) -> Definition:
    module, rest = _split(name)
    if not rest:
        raise NotFoundError(f"{name} is a module, not a class or function")
    names = _names(module)
    if names is None:
        return Definition(module, ".".join(rest), None)
    bound = binding(module, rest[0])
    if bound is None or name in seen:
        raise NotFoundError(f"no '{rest[0]}' in {module}" + did_you_mean(rest[0], _members(module)))
    if isinstance(bound, str):
        return _locate(".".join([bound, *rest[1:]]), seen | {name})
    if len(rest) > 1 or not isinstance(bound, ast.ClassDef | Function):
        raise NotFoundError(f"{name} is not a class or function at the top level of a module")
    return Definition(module, rest[0], bound)


def _split(name: str) -> tuple[str, list[str]]:
    """The longest beginning of a dotted name that is a module, and what remains."""
    parts = name.split(".")
    if _spec(parts[0]) is None:
        raise NotFoundError(f"no module '{parts[0]}'")
    for end in range(2, len(parts) + 1):
        if _spec(".".join(parts[:end])) is None:
            return ".".join(parts[: end - 1]), parts[end - 1 :]
    return name, []


@cache
def _spec(module: str) -> ModuleSpec | None:
    parent, _, _ = module.rpartition(".")
    if not parent:
        # Python's own finder knows editable installs and, for a top-level name, imports nothing.
        return importlib.util.find_spec(module) if module.isidentifier() else None
    spec = _spec(parent)
    if spec is None or spec.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(module, list(spec.submodule_search_locations))


@cache
def _names(module: str) -> Names | None:
    """What the module binds, or None where it is compiled."""
    spec = _spec(module)
    if spec is None or spec.origin is None:  # a folder without __init__.py
        return Names({}, [])
    if not spec.origin.endswith(".py"):
        return None
    names = Names({}, [])
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    for statement in _statements(ast.parse(Path(spec.origin).read_bytes()).body):
        _bind(statement, module, package, names)
    return names


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body in order; of a branch, what runs normally comes last, so that it wins."""
    for statement in body:
        match statement:
            case ast.If():
                yield from _statements(statement.orelse)
                yield from _statements(statement.body)
            case ast.Try():
                for handler in statement.handlers:
                    yield from _statements(handler.body)
                yield from _statements([*statement.body, *statement.orelse, *statement.finalbody])
            case ast.With():
                yield from _statements(statement.body)
            case _:
                yield statement


def _bind(statement: ast.stmt, module: str, package: str, names: Names) -> None:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            names.bound[name] = statement
        case ast.Import(names=aliases):
            for alias in aliases:
                # `import a.b` binds a; `import a.b as c` binds a.b
                names.bound[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        case ast.ImportFrom(module=source, names=aliases, level=level):
            origin = _origin(source, level, package)
            for alias in aliases:
                if alias.name == "*":
                    names.stars.append(origin)
                else:
                    names.bound[alias.asname or alias.name] = f"{origin}.{alias.name}"
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    path = dotted(value)
                    names.bound[target.id] = f"{module}.{path}" if path else statement
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            names.bound[name] = statement


def _origin(source: str | None, level: int, package: str) -> str:
    """The absolute name of the module that `from` names."""
    if level == 0:
        return source or ""
    parts = package.split(".")
    above = parts[: len(parts) - level + 1]
    return ".".join([*above, source] if source else above)


def binding(module: str, name: str) -> ast.stmt | str | None:
    names = _names(module)
    if names is None:
        return None
    if name in names.bound:
        return names.bound[name]
    return next((f"{star}.{name}" for star in names.stars if _exports(star, name)), None)


def _exports(module: str, name: str) -> bool:
    return not name.startswith("_") and binding(module, name) is not None


def _members(module: str) -> set[str]:
    """Public names and submodules, to suggest one."""
    spec, names = _spec(module), _names(module)
    folders = list(spec.submodule_search_locations or []) if spec else []
    members = {info.name for info in pkgutil.iter_modules(folders)} | set(names.bound if names else ())
    for star in names.stars if names else ():
        members |= _members(star)
    return {member for member in members if not member.startswith("_")}


def dotted(expression: ast.expr) -> str | None:
    """`a.b.c` of a name or an attribute; None of any other expression."""
    match expression:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            base = dotted(value)
            return f"{base}.{attribute}" if base else None
    return None
