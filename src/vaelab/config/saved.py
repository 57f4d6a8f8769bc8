"""The config of a run folder, read as plain data: another person may have written it."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from vaelab.config.choices import LISTED
from vaelab.config.groups import groups
from vaelab.config.locate import is_library
from vaelab.config.ours import stands_in_conf
from vaelab.config.plugins import installed_plugins, names
from vaelab.config.references import ESCAPED, REFERENCE, check_references
from vaelab.config.targets import permitted, refused_arguments, way_out
from vaelab.errors import UserError

MAX_BYTES = 300_000  # the largest config of conf/ has 20,000
MAX_DEPTH = 40
CHOICES = "choices"
INSTANTIATE = ("_target_", "_partial_", "_recursive_", "_convert_")
FORBIDDEN = ("hydra", "defaults")  # Hydra's own words: other files, other resolvers, the environment
FLOAT = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[0-9][0-9_]*\.[0-9_]*|\.[0-9]+(?:[eE][-+]?[0-9]+)?)"
READ_ONLY = (
    "data.source.root",
    "data.source.path",
    "first_stage",
    "init_from",
    "model.first_stage",
)  # data, and weights of other runs
PATHS = (
    "folder",
    "root",
    "dir",
    "dirpath",
    "path",
    "weights",
    "save_dir",
    "cache",
)  # keys whose values are always paths

CLASS_NAMES = ("data.classes", "data.source.classes")  # those of folders, which may look like anything


class Reader(yaml.SafeLoader):
    """YAML without tags that make objects, without aliases, and with each key once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "it has an alias, which no saved config has", self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise ConstructorError(None, None, f"it has the key '{key.value}' twice", key.start_mark)
        return super().construct_mapping(node, deep)


# As OmegaConf writes and reads numbers: 1e-3 is one.
Reader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^(?:{FLOAT})$"), list("-+.0123456789"))


def read_saved(path: Path) -> DictConfig:
    """A saved config of the right form; its targets are not checked.

    Raises:
        UserError: it is damaged, or has what no run saves.
    """
    plain = _parse(path)
    for sentence in _faults_of_form(plain):
        raise UserError(f"{path} is not the config of a run: {sentence}")
    return OmegaConf.create(plain)


def check_saved(config: DictConfig, path: Path, plugins: Collection[str], overridden: Collection[str] = ()) -> None:
    """Refuses a saved config that could do more than describe an experiment.

    What is `overridden`, by its dotted keys, is no longer the saved config's.

    Raises:
        UserError: a target, an argument, a path or a reference is not permitted.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    for key in overridden:
        _blank(plain, key.split("."))
    plain = _without_references(plain, overridden)
    for fault in (*check_references(plain), *_faults_of_targets(plain, plugins)):
        raise UserError(f"{path} may not be used as it is: {fault}")
    try:
        resolved: Any = OmegaConf.to_container(OmegaConf.create(plain), resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}; {WAY_OUT}") from None
    for fault in (*_faults_of_texts(resolved), *_faults_of_arguments(resolved), *_faults_of_paths(resolved)):
        raise UserError(f"{path} may not be used as it is: {fault}")


def _parse(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path} has more than {MAX_BYTES} bytes, so it is not the config of a run")
        return yaml.load(content, Reader)  # a subclass of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise UserError(f"{path} is damaged{place}: {_problem(error)}; {WAY_OUT}") from None
    except (ValueError, RecursionError, TypeError) as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}; {WAY_OUT}") from None


WAY_OUT = "restore it, for example from the copy in .hydra/ or in history/, or start a new run"


def _problem(error: yaml.YAMLError) -> str:
    text = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return str(text).splitlines()[0]


def _faults_of_form(plain: Any) -> Iterator[str]:
    if not isinstance(plain, dict):
        yield f"it holds {_kind(plain)} and not keys with values; {WAY_OUT}"
        return
    known = groups()
    for key, value in plain.items():
        if key in known and value is not None and not isinstance(value, dict):
            yield f"'{key}' is {_kind(value)} and not a choice's keys; {WAY_OUT}"
        elif key in LISTED and value and not all(isinstance(one, dict) for one in value.values()):
            yield f"'{key}' has an entry without keys; {WAY_OUT}"
        elif key in FORBIDDEN or (isinstance(value, dict) and key not in (*known, CHOICES)):
            yield f"it has the key '{key}', which no run saves; delete it there if you trust the rest"
    missing = [key for key in ("model", "data", "seed", CHOICES) if plain.get(key) is None]
    if missing:
        yield f"it lacks '{missing[0]}'; {WAY_OUT}"
    else:
        yield from _faults_of_choices(plain[CHOICES])
        yield from _faults_of_values(plain, "", 0)


def _faults_of_choices(choices: Any) -> Iterator[str]:
    """Choices become part of what is composed, so they are names and nothing else."""
    if not isinstance(choices, dict):
        yield f"'{CHOICES}' is {_kind(choices)} and not a choice for each group; {WAY_OUT}"
        return
    for group, choice in choices.items():
        for name in choice if isinstance(choice, list) else [choice]:
            if name is not None and not re.fullmatch(r"[\w./-]*|\[[\w./, -]*\]", str(name)):
                yield f"'{CHOICES}.{group}' must name a choice, not {name!r}; {WAY_OUT}"


def _faults_of_values(value: Any, place: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield f"'{place[:60]}…' is nested more than {MAX_DEPTH} deep; {WAY_OUT}"
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                yield f"the key {key!r} in '{place}' is not text; {WAY_OUT}"
            elif key in FORBIDDEN or (key.startswith("_") and key not in INSTANTIATE):
                yield f"it has the key '{key}' in '{place}', which no run saves; delete it there if you trust the rest"
            else:
                yield from _faults_of_values(inner, f"{place}.{key}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _faults_of_values(inner, f"{place}[{number}]", depth + 1)
    elif isinstance(value, str):
        if "${" in REFERENCE.sub("", ESCAPED.sub("", value)):
            yield f"{place}={value[:80]} is more than a reference to another key, which no saved config has; {WAY_OUT}"
    elif value is not None and not isinstance(value, bool | int | float):
        yield f"'{place}' is {_kind(value)}, which no run saves; {WAY_OUT}"


def _kind(value: Any) -> str:
    return {dict: "keys with values", list: "a list", str: "a text", type(None): "nothing"}.get(
        type(value), f"of type {type(value).__name__}"
    )


def _nodes(value: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping in nested dicts and lists, with its dotted place."""
    if isinstance(value, dict):
        yield place, value
        for key, inner in value.items():
            yield from _nodes(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _nodes(inner, f"{place}[{number}]")


def _faults_of_targets(plain: Any, plugins: Collection[str]) -> Iterator[str]:
    allowed = [*plugins, *names(installed_plugins())]
    remembered = remembered_plugins(plain)
    for place, node in _nodes(plain):
        if "_target_" not in node:
            continue
        target, key = node["_target_"], f"{place}._target_"
        if not isinstance(target, str) or not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", target):
            yield f"{key}={target!s:.80} is not the name of a class"
        elif not permitted(target, allowed):
            yield f"{key}={target} is none of vaelab's parts; {way_out(target, key, plugins, remembered)}"


def remembered_plugins(plain: Mapping[str, Any]) -> list[str]:
    """The packages that a saved config says it was trained with, as far as they may be plugins: only to be told."""
    said = plain.get("plugins")
    found = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    return [one for one in found if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", one) and not is_library(one)]


def _faults_of_texts(resolved: Any) -> Iterator[str]:
    """References that texts make together, which would be followed wherever a value is resolved once more."""
    for place, node in _nodes(resolved):
        for key, value in node.items():
            full = f"{place}.{key}".lstrip(".")
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and "${" in text and full not in READ_ONLY:  # folders are named anything
                    yield f"{full} is put together to a reference, which no saved config does"


def _faults_of_arguments(resolved: Any) -> Iterator[str]:
    for place, node in _nodes(resolved):
        for argument in refused_arguments(node) if "_target_" in node else ():
            full = f"{place}.{argument}"
            yield f"{full} is not an argument that a saved config may give; if you want it, give {full}=... yourself"


def _faults_of_paths(resolved: Any) -> Iterator[str]:
    """Nothing outside the run folder is read or written for a saved config, but data, weights and our own caches."""
    for place, node in _nodes(resolved):
        for key, value in node.items():
            full = f"{place}.{key}".lstrip(".")
            for text in value if isinstance(value, list) else [value]:
                if not isinstance(text, str) or full in (*READ_ONLY, *CLASS_NAMES):
                    continue
                leads_out = re.match(r"[/~\\]|[A-Za-z]:[\\/]|\w+://", text) or ".." in re.split(r"[/\\]", text)
                if leads_out or (key in PATHS and text and not stands_in_conf(key, text)):
                    yield f"{full}={text[:80]} leads out of the run folder; if you trust it, give {full}=... yourself"


def _blank(plain: Any, keys: list[str]) -> None:
    """Empty what an override sets anew."""
    for key in keys[:-1]:
        plain = plain.get(key) if isinstance(plain, dict) else None
    if isinstance(plain, dict) and keys[-1] in plain:
        plain[keys[-1]] = None


def _without_references(plain: Any, keys: Collection[str]) -> Any:
    """Nothing in place of what refers to a key that is set anew, such as ${data.shape} where all of data is."""
    if isinstance(plain, dict):
        return {key: _without_references(value, keys) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_without_references(value, keys) for value in plain]
    if not isinstance(plain, str):
        return plain
    # Among other text a reference is any text: what stands around it is still the saved config's.
    anew = re.compile("|".join(rf"\$\{{{re.escape(key)}(?:[.\[][^}}]*)?\}}" for key in keys) or "(?!)")
    return None if anew.fullmatch(plain) else anew.sub("x", plain)
