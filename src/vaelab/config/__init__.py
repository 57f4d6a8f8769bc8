"""Checks a composed config and builds it: the only file that knows Hydra's instantiate.

Checking imports neither torch nor lightning, so that a mistake is answered at once.
"""

import re
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, InterpolationToMissingValueError, OmegaConfBaseException

from vaelab.errors import UserError, did_you_mean
from vaelab.locate import Definition, NotFoundError, locate
from vaelab.signature import signature

# Only what is *defined* under one of these may be a `_target_`: a config may come with somebody's checkpoint.
# All of torch or lightning would let it in through torch.load and torch.hub.load, which unpickle, through
# torch.utils.cpp_extension, which compiles, and through lightning.pytorch.cli, which imports any name.
ALLOWED = (
    "vaelab.",
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.plugins.",
    "lightning.pytorch.profilers.",
    "lightning.pytorch.strategies.",
    "lightning.pytorch.trainer.",
    "torch.distributions.",
    "torch.nn.",
    "torch.optim.",
    "torchmetrics.",
    "torchvision.models.",
    "torchvision.transforms.",
    "zuko.",
)
# Groups of which several are chosen at once. Hydra keeps no record of such a choice, but every file of these
# groups holds one key, of its own name.
LISTED = ("callbacks", "evaluation", "logger")
SINGLE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
# What an interpolation of ${hydra:…} says where no Hydra application runs: no mistake of the config.
OUTSIDE_HYDRA = ("HydraConfig was not set", "Unsupported interpolation type hydra")
HYDRA_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_", "_args_"}


def check(config: DictConfig, choices: Mapping[str, str | list[str] | None]) -> None:
    """Binds every `_target_` of a config to its signature and resolves every interpolation.

    `choices` says which file was chosen of each group, as HydraConfig's `runtime.choices` does.

    Raises:
        UserError: all mistakes at once, each with its place.
    """
    mistakes = list(_mistakes_below(config, "", choices))
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise UserError("\n  ".join([f"config has {count}:", *mistakes]))


def build(node: DictConfig | ListConfig) -> Any:
    """What a node describes: its `_target_` called with its arguments, inner nodes first.

    Interpolations resolve through the whole config that the node belongs to; lists arrive as Python lists.

    Raises:
        UserError: a target is not allowed, or a constructor refused its arguments.
    """
    for target in _targets(OmegaConf.to_container(node, resolve=True)):
        _permitted(target)
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        mistake = _mistake_behind(error)
        if mistake is None:
            raise
        raise mistake from None


def _mistake_behind(error: BaseException) -> UserError | None:
    cause = error.__cause__
    return cause if cause is None or isinstance(cause, UserError) else _mistake_behind(cause)


def _targets(value: Any) -> Iterator[object]:
    """Every `_target_` in plain dicts and lists."""
    if isinstance(value, dict):
        if "_target_" in value:
            yield value["_target_"]
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _targets(item)


def _permitted(target: object) -> Definition:
    """The definition that a target stands for, if a config may name it."""
    name = str(target)
    libraries = {prefix.partition(".")[0] for prefix in ALLOWED}
    if name.partition(".")[0] not in libraries:
        raise UserError(_foreign(name))
    if "._" in name:
        raise UserError(f"{name} is private; name a public class or function")
    try:
        definition = locate(name)
    except NotFoundError as error:
        raise UserError(str(error)) from None
    if not definition.full_name.startswith(ALLOWED):
        raise UserError(_foreign(name))
    return definition


def _foreign(name: str) -> str:
    return f"{name} is outside the allowed libraries ({', '.join(prefix[:-1] for prefix in ALLOWED)})"


def _mistakes_below(node: DictConfig | ListConfig, path: str, choices: Mapping[str, Any]) -> Iterator[str]:
    """The mistakes of a node and of all nodes in it, each with its place."""
    if isinstance(node, DictConfig) and "_target_" in node:
        for mistake in _mistakes_of_target(node):
            yield f"{_place(path, choices)}: {mistake}"
    keys: list[Any] = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    for key in keys:
        if path == "" and key == "hydra":  # Hydra checks its own
            continue
        inner = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
        if OmegaConf.is_missing(node, key):
            yield f"{inner} is not set; give {inner}=..."
        elif OmegaConf.is_interpolation(node, key):
            yield from (f"{_place(inner, choices)}: {mistake}" for mistake in _broken_interpolation(node, key))
        elif OmegaConf.is_config(node[key]):
            # What an interpolation points at is checked where it stands.
            yield from _mistakes_below(node[key], inner, choices)


def _place(path: str, choices: Mapping[str, Any]) -> str:
    """`path (file)`, or only the path of what no group's file holds."""
    group, _, rest = path.partition(".")
    key = rest.partition(".")[0]
    choice = choices.get(group, [key] if group in LISTED else None)
    if isinstance(choice, str):
        return f"{path} (conf/{group}/{choice}.yaml)"
    if choice and key in choice:
        return f"{path} (conf/{group}/{key}.yaml)"
    return path or "config"


def _broken_interpolation(node: DictConfig | ListConfig, key: Any) -> Iterator[str]:
    text = _raw(node, key)
    try:
        node[key]
    except InterpolationToMissingValueError:
        pass  # reported where the value is missing
    except InterpolationKeyError:
        yield f"no key for '{text}'" + _meant(text, node)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0].rpartition(" raised while resolving interpolation: ")[2].strip('"')
        if reason not in OUTSIDE_HYDRA:
            yield f"'{text}' does not resolve: {reason}"


def _raw(node: DictConfig | ListConfig, key: Any) -> str:
    """The text of a value before interpolation."""
    plain: Any = OmegaConf.to_container(node, resolve=False)
    return str(plain[key])


def _meant(text: str, node: DictConfig | ListConfig) -> str:
    """A suggestion for the first key in an interpolation that the config does not have."""
    root: Any = node
    while root._get_parent() is not None:
        root = root._get_parent()
    paths = set(_paths(OmegaConf.to_container(root, resolve=False), ""))
    wanted = [key for key in re.findall(r"\$\{([\w.]+)\}", text) if key not in paths]
    return did_you_mean(wanted[0], paths) if wanted else ""


def _paths(value: Any, path: str) -> Iterator[str]:
    """The dotted path of every key in nested dicts."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield f"{path}{key}"
        yield from _paths(inner, f"{path}{key}.")


def _mistakes_of_target(node: DictConfig) -> Iterator[str]:
    """What is wrong with one node's `_target_` and its arguments."""
    try:
        target, partial, args = node._target_, node.get("_partial_", False), node.get("_args_") or []
    except OmegaConfBaseException:  # missing or broken, and reported as such
        return
    try:
        accepted = signature(_permitted(target))
    except UserError as error:
        yield str(error)
        return
    if accepted is not None:
        given = [str(key) for key in node if key not in HYDRA_KEYS]
        yield from _misfits(target.rpartition(".")[2], accepted, given, len(args), bool(partial))


def _misfits(name: str, accepted: Signature, given: list[str], positional: int, partial: bool) -> Iterator[str]:
    """What Python would refuse if `name` were called with these arguments."""
    parameters = list(accepted.parameters.values())
    kinds = {parameter.kind for parameter in parameters}
    ordered = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    named = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    if positional > len(ordered) and Parameter.VAR_POSITIONAL not in kinds:
        yield f"{name} takes at most {len(ordered)} positional arguments, but _args_ gives {positional}"
    taken = {one.name for one in ordered[:positional]}
    for key in given:
        if key in taken and key in named:
            yield f"{name} gets '{key}' twice, by name and in _args_"
        elif key not in named and Parameter.VAR_KEYWORD not in kinds:
            yield f"{name} has no argument '{key}'" + (did_you_mean(key, named) or _takes(named))
    required = [one.name for one in parameters if one.default is one.empty and one.kind in SINGLE]
    needed = [f"'{one}'" for one in required if one not in taken and one not in given]
    if needed and not partial:
        yield f"{name} needs {' and '.join(needed)}"


def _takes(named: list[str]) -> str:
    """The arguments that there are, where they are few enough to read."""
    if not named:
        return "; it takes none"
    return f"; it takes {', '.join(named)}" if len(named) <= 8 else ""
