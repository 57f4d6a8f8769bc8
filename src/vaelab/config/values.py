"""Whether a value of a config is of the type and in the range that an annotation asks for."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, ConfigDict, InstanceOf, Strict, TypeAdapter, ValidationError

from vaelab.config.part import Part, fits
from vaelab.ranges import ByAnotherPart, ByTheRun, OrWord

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
PLAIN = (int, float, bool, str, NoneType, None)
LISTS = (list, Sequence, Collection, Iterable)
SETS = (tuple, set, frozenset)  # which a yaml cannot write; it gives a list
MAPPINGS = (dict, Mapping)
LARGEST = 2**63 - 1  # what an integer of torch holds


def accepts(annotation: Any, value: Any) -> bool:
    """Whether a value of plain Python and Parts fits; an annotation that says nothing takes any."""
    adapter = _adapter(annotation)
    if adapter is None:
        return True
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return not too_large(value)


def too_large(value: Any) -> bool:
    """Whether a number in it has more than 64 bits."""
    if isinstance(value, list | dict):
        return any(too_large(each) for each in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and abs(value) > LARGEST


def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    try:
        return _build_adapter(annotation)
    except TypeError:  # an annotation without a hash
        return None


@cache
def _build_adapter(annotation: Any) -> TypeAdapter[Any] | None:
    """None where pydantic cannot read what somebody else annotated."""
    try:
        return TypeAdapter(from_yaml(annotation), config=STRICT)
    except Exception:
        return None


def from_yaml(annotation: Any) -> Any:
    """The annotation of what a yaml gives for it: lists for tuples, text for paths, Parts for objects."""
    origin, args = get_origin(annotation), get_args(annotation)
    kind = origin or annotation
    if annotation is Any or annotation in PLAIN:
        return annotation
    if origin is Literal:
        return Annotated[annotation, BeforeValidator(_of_type({type(each) for each in args}))]
    if origin is Annotated:
        words = [each for each in annotation.__metadata__ if isinstance(each, OrWord)]
        ranges = [each for each in annotation.__metadata__ if not isinstance(each, OrWord | ByAnotherPart | ByTheRun)]
        number = Annotated[(from_yaml(args[0]), *ranges)] if ranges else from_yaml(args[0])
        return Union[(number, *(Literal[each.word] for each in words))]
    if origin in (Union, UnionType):
        return Union[tuple(from_yaml(each) for each in args)]  # noqa: UP007
    if kind in SETS:
        inner = tuple(each if each is ... else from_yaml(each) for each in args)
        return Annotated[kind[inner] if inner else kind, Strict(False)]
    if kind in LISTS:
        return list[from_yaml(args[0])] if args else list[Any]  # type: ignore[misc]
    if kind in MAPPINGS:
        return dict[Any, from_yaml(args[1])] if args else dict[Any, Any]  # type: ignore[misc]
    if inspect.isclass(kind) and issubclass(kind, PurePath):
        return str
    if inspect.isclass(kind):
        return Annotated[InstanceOf[Part], AfterValidator(_require_fit(annotation))]
    return Any  # a type variable, or what only a type checker understands


def _of_type(types: set[type]) -> Callable[[Any], Any]:
    """In Python 1.0 and true equal the 1 of a Literal."""

    def refuse(value: Any) -> Any:
        if type(value) not in types:
            raise ValueError("another type")
        return value

    return refuse


def _require_fit(annotation: Any) -> Callable[[Part], Part]:
    def refuse(part: Part) -> Part:
        if not fits(annotation, part):
            raise ValueError("another kind of part")
        return part

    return refuse
