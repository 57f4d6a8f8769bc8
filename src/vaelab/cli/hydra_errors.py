"""Hydra's errors about what a user typed, each as one sentence: place, fact and way out."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import (
    CompactHydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, MissingMandatoryValue, OmegaConfBaseException

from vaelab.config import LISTED
from vaelab.errors import UNUSABLE, UserError, did_you_mean, reason

# Hydra's text, and our sentence made of its groups.
SENTENCES = (
    (
        r"Could not append to config\. An item is already at '(?P<key>.+?)'\.\n.* prefix: '(?P<fix>.+?)'\n",
        "key '{key}' exists already; use {fix} without the +",
    ),
    (
        r"(?P<key>\S+) appears more than once in the final defaults list",
        "'{key}' is chosen already; use {key}=... without the +",
    ),
    (
        r"Multiple values for (?P<key>\S+)\. To override a value",
        "'{key}' is chosen already; use {key}=... without the +",
    ),
    (
        r"Ambiguous value for argument '(?P<key>[^=]+)=(?P<value>.*)'\n",
        "'{key}={value}' gives several values; add -m to run each, or write {key}=[{value}] for one list",
    ),
    (
        r"Could not delete from config\. The value of '(?P<key>.+)' is (?P<value>.+) and not",
        "cannot delete '{key}' by another value than its own; use ~{key} or ~{key}={value}",
    ),
    (
        r"Config group override must be a string or a list\. Got (?P<kind>\w+)",
        "a config group takes the name of a choice, as in model=vae, and not a value of type {kind}",
    ),
    (
        r"force-add of config groups is not supported: '\+*(?P<fix>.+)'",
        "a config group takes no ++; use {fix}, or +{fix} where none is chosen yet",
    ),
)

Folders = tuple[Path, ...]
FEW = 20  # options that are quickly read


def explain(error: Exception, *conf: Path) -> str | None:
    """One sentence about a mistake on the command line or in a yaml; None of any other error.

    `conf` are the folders of configs, vaelab's own first.
    """
    match error:
        case UserError():
            return str(error)
        case MissingConfigException():
            return _unknown_choice(error, conf)
        case OverrideParseException():
            return _unreadable(error.override)
        case MissingMandatoryValue():
            return f"{error.full_key} is not set; give {error.full_key}=..."
        case InterpolationKeyError():
            return f"{error.full_key}: {_first_line(error)}"
        case yaml.MarkedYAMLError():
            return _broken_yaml(error, conf)
        case InstantiationException():
            return explain(error.__cause__, *conf) if isinstance(error.__cause__, UserError) else None
        case CompactHydraException():
            return _composition(error, conf)
        case OSError() if error.errno in UNUSABLE:
            return reason(error)
        case ValueError():
            return _sentence(str(error))
    return None


def _composition(error: Exception, conf: Folders) -> str:
    """What composing refused, in the words of this page where it has any, else in Hydra's."""
    text, cause = str(error), error.__cause__
    if isinstance(cause, MissingMandatoryValue | InterpolationKeyError | yaml.MarkedYAMLError):
        return str(explain(cause, *conf))
    special: tuple[tuple[str, Callable[[re.Match[str], Any, Folders], str]], ...] = (
        (r"Could not override '(?P<key>[^']+)'\.\nTo append to your config use \+(?P<fix>.*)", _unknown_key),
        (
            r"(?:In '(?P<file>[^']+)': )?Could not override '(?P<key>[^']+)'\.(?:[\s\S]* use \+(?P<fix>.+))?",
            _unknown_override,
        ),
        (
            r"Override (?P<input>.+) looks like a config group override, but config group '(?P<key>.+)' does",
            _no_group,
        ),
        (r"Could not delete (?:from config\. )?'(?P<key>[^']+)'(?: does not exist)?\.", _no_deletion),
        (r"(?s)You must specify '(?P<key>[^']+)'", _not_chosen),
    )
    for pattern, sentence in special:
        found = re.match(pattern, text)
        if found:
            return sentence(found, cause, conf)
    if found := re.match(r"Error merging override (?P<input>.*)", text):
        return f"cannot set {found['input']}: {_first_line(cause)}"
    return _sentence(text) or _one_line(text or str(cause))


def _sentence(text: str) -> str | None:
    for pattern, sentence in SENTENCES:
        if found := re.match(pattern, text):
            return sentence.format(**found.groupdict())
    return None


def _unknown_choice(error: MissingConfigException, conf: Folders) -> str:
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return f"no config '{choice}' in {conf[0].name}" + _pick(choice, _stems(conf, ""))
    options = _stems(conf, group) or sorted(error.options or [])
    place = f" in {conf[0].name}/{group}" if group in _groups(conf) else ""
    return f"no {group} '{choice}'{place}" + _pick(choice, options)


def _unknown_key(found: re.Match[str], cause: Any, conf: Folders) -> str:
    """A key that the composed config lacks; the cause knows the node that was searched."""
    key, given = found["key"], found["fix"]
    if owners := _owners(key, conf):
        return f"no key '{key}' with this choice; {' or '.join(owners)} has it"
    if key in _groups(conf):
        if cause.full_key != key:  # the group is there, and was given a dict to merge
            return f"'{key}' takes the name of a choice" + _pick("", _stems(conf, key))
        return f"'{key}' is not among the defaults; use +{given} to add it"
    return f"no key '{key}'{_nearest_key(key, cause, conf)} (use +{given} to add a new key)"


def _nearest_key(key: str, cause: Any, conf: Folders) -> str:
    """A suggestion for a dotted key: its wrong part amended, or the same name elsewhere in the config."""
    if not isinstance(cause, OmegaConfBaseException) or not isinstance(cause.parent_node, DictConfig):
        return ""
    wrong = str(cause.full_key)
    above = wrong.rpartition(".")[0]
    siblings = [f"{above}.{name}".lstrip(".") for name in _keys(cause.parent_node)]
    if not above:
        siblings += _groups(conf)
    amended = did_you_mean(wrong, siblings)
    if amended:
        return amended.replace("'?", key.removeprefix(wrong) + "'?")
    last = key.rpartition(".")[2]
    same = [path for path in _paths(_root(cause.parent_node), "") if path.rpartition(".")[2] == last]
    return f"; did you mean '{same[0]}'?" if same else ""


def _unknown_override(found: re.Match[str], cause: Any, conf: Folders) -> str:
    """A choice for a group, or for a group at a package, that no defaults list has."""
    key, groups = found["key"], _groups(conf)
    hint = "" if key.partition("@")[0] in groups else did_you_mean(key, groups)
    if found["file"]:
        return f"{conf[0].name}/{found['file']}.yaml overrides '{key}', which is not among the defaults{hint}"
    addition = f"; use +{found['fix']} to add it" if found["fix"] else ""
    return f"'{key}' is not among the defaults" + (hint or addition)


def _no_group(found: re.Match[str], cause: Any, conf: Folders) -> str:
    return f"no config group '{found['key']}' in {conf[0].name}" + _pick(found["key"], _groups(conf))


def _no_deletion(found: re.Match[str], cause: Any, conf: Folders) -> str:
    key, _, choice = found["key"].partition("=")
    if choice:
        return f"cannot delete {key}={choice}, which is not chosen; use ~{key}"
    if key in _groups(conf) and key not in LISTED:
        return f"nothing to delete: no {key} is chosen here; leave out ~{key}"
    if key in LISTED:
        return f"cannot delete '{key}', which is not among the defaults or is a list of choices; use {key}=[]"
    return f"no key '{key}' to delete" + did_you_mean(key, _groups(conf))


def _not_chosen(found: re.Match[str], cause: Any, conf: Folders) -> str:
    return f"{found['key']} is not chosen; give {found['key']}=..." + _pick("", _stems(conf, found["key"]))


def _unreadable(override: str) -> str:
    if re.match(r"--?\w", override):
        return f"no option '{override}'; a value is set as key=value, without dashes"
    if "=" not in override:
        return f"cannot read '{override}'; write key=value"
    return f"cannot read '{override}'; write key=value, and a value with special characters as 'key=\"value\"'"


def _broken_yaml(error: yaml.MarkedYAMLError, conf: Folders) -> str:
    mark = error.problem_mark
    name = mark.name if mark else "a config"
    for folder in conf:
        name = name.removeprefix(f"{folder.parent}/")
    return f"{name}, line {mark.line + 1}, is not yaml: {error.problem}" if mark else f"{name} is not yaml"


def _owners(key: str, conf: Folders) -> list[str]:
    """The choices, as `group=choice`, whose own file holds the dotted key."""
    group, _, inner = key.partition(".")
    files = sorted(file for folder in conf for file in (folder / group).glob("*.yaml")) if inner else []
    return [f"{group}={file.stem}" for file in files if inner in _paths(_load(file), "")]


def _load(file: Path) -> Any:
    """A config file, or nothing where it is not yaml: another message says so when it is chosen."""
    try:
        return OmegaConf.load(file)
    except yaml.YAMLError:
        return None


def _root(node: DictConfig) -> Any:
    while node._get_parent() is not None:
        node = node._get_parent()  # type: ignore[assignment]
    return node


def _keys(node: DictConfig) -> list[str]:
    """The keys that a user may set: not Hydra's own."""
    return [str(key) for key in node if key != "hydra" and not str(key).startswith("_")]


def _paths(node: Any, path: str) -> Iterator[str]:
    """The dotted path of every key of a config, without following interpolations."""
    for key in _keys(node) if isinstance(node, DictConfig) else ():
        yield f"{path}{key}"
        if not OmegaConf.is_missing(node, key) and not OmegaConf.is_interpolation(node, key):
            yield from _paths(node[key], f"{path}{key}.")


def _groups(conf: Folders) -> list[str]:
    return sorted({path.name for folder in conf if folder.is_dir() for path in folder.iterdir() if path.is_dir()})


def _stems(conf: Folders, group: str) -> list[str]:
    return sorted({file.stem for folder in conf for file in (folder / group).glob("[!_]*.yaml")})


def _pick(word: str, options: list[str]) -> str:
    """The end of a sentence that suggests the nearest option and lists them all, where a suggestion does not do."""
    meant = did_you_mean(word, options)
    listed = options and not (meant and len(options) > FEW)
    return meant + (f" (available: {', '.join(options)})" if listed else "")


def _first_line(error: Any) -> str:
    return next(iter(str(error).splitlines()), "")


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())
