"""A node with a `_target_`, read as the call that it describes: its name, its arguments, their values."""

from collections.abc import Iterator, Mapping, Sequence
from inspect import Parameter
from typing import Any, Literal, get_args, get_origin

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vaelab.config.arguments import parameters
from vaelab.config.interpolation import origin, typed_reference
from vaelab.config.locate import locate
from vaelab.config.mistake import Mistake
from vaelab.config.part import Part
from vaelab.config.values import accepts
from vaelab.config.wording import describe, options, show
from vaelab.errors import UserError, did_you_mean
from vaelab.ranges import ByAnotherPart, ByTheRun

SINGLE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
HYDRA_KEYS: dict[str, Any] = {
    "_target_": str,
    "_partial_": bool,
    "_recursive_": bool,
    "_convert_": Literal["none", "partial", "object", "all"],
    "_args_": Sequence[Any],
}


def mistakes_of_call(node: DictConfig) -> Iterator[Mistake | str]:
    """What is wrong with one node's `_target_` and its arguments; text is about the node as a whole."""
    try:
        name, args = node._target_, node.get("_args_") or []
        target = locate(name if isinstance(name, str) else f"_target_={show(name)}")
    except OmegaConfBaseException:  # missing or broken, and reported as such
        return
    except UserError as error:
        yield str(error)
        return
    accepted = parameters(target)
    if accepted is None:
        return
    yield from mistakes_of_values(node, {key: of for key, of in HYDRA_KEYS.items() if key in node})
    given = [str(key) for key in node if key not in HYDRA_KEYS]
    name, partial = str(name).rpartition(".")[2], bool(node.get("_partial_", False))
    supplied = [] if args else [one.name for one in accepted if is_supplied(one.annotation, partial)]
    yield from (f"{name} gets '{key}' at run time; leave it out" for key in given if key in supplied)
    # Who else writes a part says of none of its arguments that they come later.
    accepted = [one for one in accepted if one.name not in supplied]
    known = [one for one in given if one not in supplied]
    yield from _misfits(name, accepted, known, len(args), partial and not supplied)
    by_name = {one.name: one.annotation for one in accepted if one.kind in SINGLE}
    yield from mistakes_of_values(node, {key: by_name[key] for key in given if key in by_name})
    if args:
        by_place = [one.annotation for one in accepted if one.kind in SINGLE[:2]]
        yield from mistakes_of_values(node._args_, dict(enumerate(by_place[: len(args)])))


def is_supplied(annotation: Any, partial: bool) -> bool:
    """Whether the argument comes from the run, or from what is built around a part that is left partial."""
    kinds = (ByTheRun, ByAnotherPart) if partial else ByTheRun
    return any(isinstance(each, kinds) for each in getattr(annotation, "__metadata__", ()))


def mistakes_of_values(node: DictConfig | ListConfig, annotations: Mapping[Any, Any]) -> Iterator[Mistake]:
    """The values of a node that are not what their annotations ask for, each by the place where it is written."""
    for key, annotation in annotations.items():
        try:
            place, found = origin(node, key)
            value = _plain(found)
        except OmegaConfBaseException:  # missing or broken, and reported as such
            continue
        if isinstance(value, dict) and isinstance(found, DictConfig) and get_origin(annotation) is Mapping:
            yield from mistakes_of_values(found, dict.fromkeys(found, get_args(annotation)[1]))
        elif not accepts(annotation, value):
            reference = typed_reference(node, key)
            if reference is not None:
                place = reference[0]
            sentence = f"{_describe_given(place, value, reference)} {describe(annotation, value)}"
            yield Mistake(place, sentence + _hint(place, value, annotation))


def _hint(place: str, value: Any, annotation: Any) -> str:
    """What was meant by a word that is none of the choices, or one of a list, and how a number is given as text."""
    if isinstance(value, str):
        as_list = f"; did you mean [{value}]?" if accepts(annotation, [value]) else ""
        return as_list if value in options(annotation) else did_you_mean(value, options(annotation)) or as_list
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"""; quote it: {place}="'{value}'\"""" if number and accepts(annotation, str(value)) else ""


def _describe_given(place: str, value: Any, reference: tuple[str, str] | None) -> str:
    if reference is not None:
        return f"{place}={reference[1]}, which is {show(value)}, must {'give' if isinstance(value, Part) else 'be'}"
    if isinstance(value, Part):
        return f"{place}._target_={value.name} must give"
    return f"{place}={show(value)} must be"


def _plain(node: Any) -> Any:
    """Plain Python, with a Part in the place of each node that has a `_target_`."""
    if not OmegaConf.is_config(node):
        return node._value()
    if node._is_none():
        return None
    if isinstance(node, ListConfig):
        return [_plain(origin(node, place)[1]) for place in range(len(node))]
    if "_target_" in node:
        return _part(node)
    return {key: _plain(origin(node, key)[1]) for key in node}


def _part(node: DictConfig) -> Part:
    name = str(node._target_)
    try:
        return Part(name, locate(name), bool(node.get("_partial_", False)))
    except UserError:
        return Part(name, None, False)


def _misfits(name: str, accepted: list[Parameter], given: list[str], positional: int, partial: bool) -> Iterator[str]:
    """What Python would refuse if `name` were called with these arguments."""
    kinds = {parameter.kind for parameter in accepted}
    ordered = [one for one in accepted if one.kind in SINGLE[:2]]
    named = [one.name for one in accepted if one.kind in SINGLE[1:]]
    if positional > len(ordered) and Parameter.VAR_POSITIONAL not in kinds:
        yield f"{name} takes at most {len(ordered)} positional arguments, but _args_ gives {positional}"
    taken = {one.name for one in ordered[:positional]}
    for key in given:
        if key in taken and key in named:
            yield f"{name} gets '{key}' twice, by name and in _args_"
        elif key not in named and Parameter.VAR_KEYWORD not in kinds:
            yield f"{name} has no argument '{key}'" + (did_you_mean(key, named) or _list_arguments(named))
    required = [one.name for one in accepted if one.default is one.empty and one.kind in SINGLE]
    needed = [f"'{one}'" for one in required if one not in taken and one not in given]
    if needed and not partial:
        yield f"{name} needs {' and '.join(needed)}"


def _list_arguments(named: list[str]) -> str:
    """The arguments that there are, where they are few enough to read."""
    if not named:
        return "; it takes none"
    return f"; it takes {', '.join(named)}" if len(named) <= 8 else ""
