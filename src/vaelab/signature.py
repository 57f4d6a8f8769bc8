"""Signatures read from source files, so that a config can be checked without importing torch."""

import ast
import inspect
from inspect import Parameter, Signature

from vaelab.locate import Definition, Function, NotFoundError, binding, dotted, locate

# Bases that take no part in what a constructor accepts; reading them would only cost time.
SILENT_BASES = ("abc.", "typing.", "typing_extensions.", "builtins.object")
# Both write *args and **kwargs, and both refuse them when called.
NO_ARGUMENTS = {"torch.nn.modules.module.Module", "lightning.pytorch.core.module.LightningModule"}


def signature(definition: Definition) -> Signature | None:
    """The arguments that a class or function takes, or None where the source does not tell.

    Defaults are given as `...`, and annotations are left out.
    """
    if definition.node is None:
        return None
    if isinstance(definition.node, ast.ClassDef):
        return _constructor(definition)
    return Signature(_parameters(definition.node.args))


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
        if any((dotted(base) or "").endswith("NamedTuple") for base in ancestor.node.bases):
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
    path = dotted(base.value if isinstance(base, ast.Subscript) else base)
    if path is None:
        return [None]
    first, _, rest = path.partition(".")
    bound = binding(module, first)
    if bound is None:
        name = f"builtins.{path}"
    elif isinstance(bound, str):
        name = f"{bound}.{rest}" if rest else bound
    else:
        name = f"{module}.{path}"
    if name.startswith(SILENT_BASES):
        return []
    try:
        return _lineage(locate(name))
    except NotFoundError:
        return [None]


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = [dotted(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list]
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
    if isinstance(value, ast.Call) and (dotted(value.func) or "").endswith("field"):
        return any(keyword.arg in ("default", "default_factory") for keyword in value.keywords)
    return value is not None


def _keyword(call: ast.expr | None, name: str) -> object:
    """The constant that a call gives to a keyword, or None."""
    for keyword in call.keywords if isinstance(call, ast.Call) else ():
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return keyword.value.value
    return None
