"""Signatures read from source files, so that a config can be checked without importing torch.

A name is followed as Python would follow it: through packages, `from .x import Y as Z`, star imports and
plain assignments, until the class or function that it stands for.
"""

import ast
import difflib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from inspect import Parameter, Signature
from pathlib import Path
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Bases that take no part in what a constructor accepts; reading them would only cost time.
SILENT_BASES = ("abc.", "typing.", "typing_extensions.", "builtins.object")
# Both write *args and **kwargs, and both refuse them when called.
NO_ARGUMENTS = {"torch.nn.modules.module.Module", "lightning.pytorch.core.module.LightningModule"}


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


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The end of a sentence that suggests the nearest option, or nothing where none is near."""
    options = list(options)
    near = difflib.get_close_matches(word.lower(), {option.lower() for option in options}, n=1)
    # Of names that differ only in case, such as a class and its file, the one written more alike.
    alike = [option for option in options if near == [option.lower()]]
    best = max(alike, key=lambda option: difflib.SequenceMatcher(None, word, option).ratio(), default=None)
    return f"; did you mean '{best}'?" if best else ""


def locate(name: str) -> Definition:
    """The class or function that a dotted name stands for, found without importing anything.

    Raises:
        NotFoundError: a part of the name does not exist, or it stands for something else.
    """
    return _locate(name, frozenset())


def signature(definition: Definition) -> Signature | None:
    """The arguments that a class or function takes, or None where the source does not tell.

    Defaults are given as `...`, and annotations are left out.
    """
    if definition.node is None:
        return None
    if isinstance(definition.node, ast.ClassDef):
        return _constructor(definition)
    return Signature(_parameters(definition.node.args))


@cache
def _locate(name: str, seen: frozenset[str]) -> Definition:
    module, rest = _split(name)
    if not rest:
        raise NotFoundError(f"{name} is a module, not a class or function")
    names = _names(module)
    if names is None:
        return Definition(module, ".".join(rest), None)
    binding = _binding(module, rest[0])
    if binding is None or name in seen:
        raise NotFoundError(f"no '{rest[0]}' in {module}" + did_you_mean(rest[0], _members(module)))
    if isinstance(binding, str):
        return _locate(".".join([binding, *rest[1:]]), seen | {name})
    if len(rest) > 1 or not isinstance(binding, ast.ClassDef | Function):
        raise NotFoundError(f"{name} is not a class or function at the top level of a module")
    return Definition(module, rest[0], binding)


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
                    dotted = _dotted(value)
                    names.bound[target.id] = f"{module}.{dotted}" if dotted else statement
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            names.bound[name] = statement


def _origin(source: str | None, level: int, package: str) -> str:
    """The absolute name of the module that `from` names."""
    if level == 0:
        return source or ""
    parts = package.split(".")
    above = parts[: len(parts) - level + 1]
    return ".".join([*above, source] if source else above)


def _binding(module: str, name: str) -> ast.stmt | str | None:
    names = _names(module)
    if names is None:
        return None
    if name in names.bound:
        return names.bound[name]
    return next((f"{star}.{name}" for star in names.stars if _exports(star, name)), None)


def _exports(module: str, name: str) -> bool:
    return not name.startswith("_") and _binding(module, name) is not None


def _members(module: str) -> set[str]:
    """Public names and submodules, to suggest one."""
    spec, names = _spec(module), _names(module)
    folders = list(spec.submodule_search_locations or []) if spec else []
    members = {info.name for info in pkgutil.iter_modules(folders)} | set(names.bound if names else ())
    for star in names.stars if names else ():
        members |= _members(star)
    return {member for member in members if not member.startswith("_")}


def _dotted(expression: ast.expr) -> str | None:
    """`a.b.c` of a name or an attribute; None of any other expression."""
    match expression:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            base = _dotted(value)
            return f"{base}.{attribute}" if base else None
    return None


def _parameters(arguments: ast.arguments) -> list[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    found = []
    for place, argument in enumerate(positional):
        only = place < len(arguments.posonlyargs)
        kind = Parameter.POSITIONAL_ONLY if only else Parameter.POSITIONAL_OR_KEYWORD
        found.append(_parameter(argument.arg, kind, place >= required))
    if arguments.vararg:
        found.append(Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(_parameter(argument.arg, Parameter.KEYWORD_ONLY, default is not None))
    if arguments.kwarg:
        found.append(Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD))
    return found


def _parameter(name: str, kind: inspect._ParameterKind, has_default: bool) -> Parameter:
    return Parameter(name, kind, default=... if has_default else Parameter.empty)


def _constructor(definition: Definition) -> Signature | None:
    """Of the first class in the order of inheritance that says how it is constructed."""
    # Most classes say it themselves, and their ancestors need not be read.
    return _method(definition) or _inherited(_lineage(definition))


def _method(definition: Definition) -> Signature | None:
    """Of a class's own __init__ or __new__."""
    if not isinstance(definition.node, ast.ClassDef):
        return None
    own = {one.name: one for one in definition.node.body if isinstance(one, Function)}
    method = own.get("__init__") or own.get("__new__")
    return Signature(_parameters(method.args)[1:]) if method else None


def _inherited(lineage: list[Definition | None]) -> Signature | None:
    for place, ancestor in enumerate(lineage):
        if ancestor is None or not isinstance(ancestor.node, ast.ClassDef):
            return None
        if ancestor.full_name in NO_ARGUMENTS:
            return Signature()
        if method := _method(ancestor):
            return method
        if _is_dataclass(ancestor.node):
            return _dataclass_signature(lineage[place:])
        if any((_dotted(base) or "").endswith("NamedTuple") for base in ancestor.node.bases):
            return Signature(list(_fields(ancestor.node).values()))
    return Signature()


def _lineage(definition: Definition) -> list[Definition | None]:
    """The class and all its ancestors, each before its own bases; None for one that cannot be read."""
    found: list[Definition | None] = [definition]
    for base in definition.node.bases if isinstance(definition.node, ast.ClassDef) else ():
        found += _ancestors(definition.module, base)
    # An ancestor that several share comes after all of them, as in Python's own order.
    return [one for place, one in enumerate(found) if one is None or one not in found[place + 1 :]]


def _ancestors(module: str, base: ast.expr) -> list[Definition | None]:
    dotted = _dotted(base.value if isinstance(base, ast.Subscript) else base)
    if dotted is None:
        return [None]
    first, _, rest = dotted.partition(".")
    binding = _binding(module, first)
    if binding is None:
        name = f"builtins.{dotted}"
    elif isinstance(binding, str):
        name = f"{binding}.{rest}" if rest else binding
    else:
        name = f"{module}.{dotted}"
    if name.startswith(SILENT_BASES):
        return []
    try:
        return _lineage(locate(name))
    except NotFoundError:
        return [None]


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = [_dotted(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list]
    return any(name in ("dataclass", "dataclasses.dataclass") for name in names)


def _dataclass_signature(lineage: list[Definition | None]) -> Signature:
    fields: dict[str, Parameter] = {}
    for ancestor in reversed(lineage):
        if ancestor and isinstance(ancestor.node, ast.ClassDef) and _is_dataclass(ancestor.node):
            fields |= _fields(ancestor.node)
    return Signature(sorted(fields.values(), key=lambda field: field.kind))


def _fields(node: ast.ClassDef) -> dict[str, Parameter]:
    """The annotated fields of a dataclass or NamedTuple that its constructor takes."""
    kind: inspect._ParameterKind = Parameter.POSITIONAL_OR_KEYWORD
    if any(_keyword(decorator, "kw_only") is True for decorator in node.decorator_list):
        kind = Parameter.KEYWORD_ONLY
    found = {}
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = ast.unparse(statement.annotation)
        if annotation.endswith("KW_ONLY"):
            kind = Parameter.KEYWORD_ONLY
        elif "ClassVar" not in annotation and _keyword(statement.value, "init") is not False:
            name = statement.target.id
            own = Parameter.KEYWORD_ONLY if _keyword(statement.value, "kw_only") is True else kind
            found[name] = _parameter(name, own, _has_default(statement.value))
    return found


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and (_dotted(value.func) or "").endswith("field"):
        return any(keyword.arg in ("default", "default_factory") for keyword in value.keywords)
    return value is not None


def _keyword(call: ast.expr | None, name: str) -> object:
    """The constant that a call gives to a keyword, or None."""
    for keyword in call.keywords if isinstance(call, ast.Call) else ():
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return keyword.value.value
    return None
