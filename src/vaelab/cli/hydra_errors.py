"""Hydra's errors about what a user typed, each as one sentence: place, fact and way out."""

import re
from typing import Any

import yaml
from hydra.errors import (
    CompactHydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError, MissingMandatoryValue

from vaelab.config import LISTED
from vaelab.config.groups import choice_file, choices, groups, is_group
from vaelab.config.plain import paths
from vaelab.config.plugins import folders
from vaelab.errors import UNUSABLE, UserError, did_you_mean, reason

# Hydra's text where it tells no way out, or more than one line of them, and our sentence made of its groups.
SENTENCES = {
    r"(?:Multiple values for )?(\S+?)(?:\. To override| appears more than once)": (
        "'{0}' is chosen already; use {0}=... without the +"
    ),
    r"Ambiguous value for argument '([^=]+)=(.*)'\n": (
        "'{0}={1}' gives several values; add -m to run each, or write {0}=[{1}] for one list"
    ),
    rf"Could not delete '({'|'.join(LISTED)})'": "cannot delete '{0}', which is a list of choices; use {0}=[]",
}
OF_EXTRAS = ("hydra/launcher=joblib", "hydra/launcher=submitit_local", "hydra/launcher=submitit_slurm")
FEW = 20  # options that are quickly read


def explain(error: Exception) -> str | None:
    """One sentence about a mistake on the command line or in a yaml; None of any other error."""
    match error:
        case UserError():
            return str(error)
        case MissingConfigException():
            return _unknown_choice(error)
        case OverrideParseException():
            return _unreadable(error.override)
        case MissingMandatoryValue():
            return f"{error.full_key} is not set; give {error.full_key}=..."
        case InterpolationKeyError():
            return f"{error.full_key}: {_first_line(error)}"
        case yaml.MarkedYAMLError():
            return _broken_yaml(error)
        case InstantiationException():
            return explain(error.__cause__) if isinstance(error.__cause__, UserError) else None
        case CompactHydraException():
            return _composition(error)
        case OSError() if error.errno in UNUSABLE:
            return reason(error)
    return None


def _composition(error: Exception) -> str:
    """What composing refused, in Hydra's words where these are clear."""
    text, cause = str(error), error.__cause__
    if isinstance(cause, MissingMandatoryValue | InterpolationKeyError | yaml.MarkedYAMLError):
        return str(explain(cause))
    if found := re.match(r"Could not override '([^']+)'\.\nTo append to your config use \+(.*)", text):
        return _unknown_key(found[1], found[2], cause)
    for pattern, sentence in SENTENCES.items():
        if found := re.match(pattern, text):
            return sentence.format(*found.groups())
    if text.startswith("Error merging override"):
        text = f"{text}: {_first_line(cause)}"
    return " ".join((text or str(cause)).split())


def _unknown_choice(error: MissingConfigException) -> str:
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    if f"{group}={choice}" in OF_EXTRAS:
        return f"{group}={choice} needs more packages; pip install 'vaelab[sweeps]'"
    place = " in conf" if not group else f" in conf/{group}" if is_group(group) else ""
    return f"no {group or 'config'} '{choice}'{place}" + _pick(choice, choices(group) or sorted(error.options or []))


def _unknown_key(key: str, addition: str, cause: Any) -> str:
    """A key that the composed config lacks; the cause knows where it was searched."""
    if owners := _owners(key):
        return f"no key '{key}' with this choice; {' or '.join(owners)} has it"
    wrong = str(getattr(cause, "full_key", None) or key)
    key = key if key.startswith(wrong) else wrong  # of a dict that was given it is one of the keys
    node = getattr(cause, "parent_node", None)
    return f"no key '{key}'{_nearest_key(key, wrong, node)} (use +{addition} to add a new key)"


def _nearest_key(key: str, wrong: str, node: Any) -> str:
    """A suggestion for a dotted key: its wrong part amended, or the same name elsewhere in the config."""
    config = OmegaConf.to_container(node._get_root(), resolve=False) if OmegaConf.is_config(node) else {}
    existing = [path for path in paths(config) if not path.rpartition(".")[2].startswith("_")]
    above, _, _ = wrong.rpartition(".")
    siblings = [path for path in existing if path.rpartition(".")[0] == above]
    if amended := did_you_mean(wrong, siblings if above else [*siblings, *groups()]):
        return amended.replace("'?", key.removeprefix(wrong) + "'?")
    last = key.rpartition(".")[2]
    same = [path for path in existing if path.rpartition(".")[2] == last and not path.startswith("hydra.")]
    return f"; did you mean '{same[0]}'?" if same else ""


def _unreadable(override: str) -> str:
    if re.match(r"--?\w", override):
        return f"no option '{override}'; a value is set as key=value, without dashes"
    if "=" not in override:
        return f"cannot read '{override}'; write key=value"
    return f"cannot read '{override}'; write key=value, and a value with special characters as 'key=\"value\"'"


def _broken_yaml(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    name = mark.name if mark else "a config"
    for folder in folders():
        name = name.removeprefix(f"{folder.parent}/")
    return f"{name}, line {mark.line + 1}, is not yaml: {error.problem}" if mark else f"{name} is not yaml"


def _owners(key: str) -> list[str]:
    """The choices, as `group=choice`, whose own file holds the dotted key; `+group=choice` adds one to a list."""
    group, _, inner = key.partition(".")
    plus = "+" if group in LISTED else ""
    return [f"{plus}{group}={choice}" for choice in choices(group) if inner and inner in _keys_of(group, choice)]


def _keys_of(group: str, choice: str) -> set[str]:
    """The dotted keys of a file; none where it is not yaml, which another message says when it is chosen."""
    file = choice_file(group, choice)
    try:
        return set(paths(OmegaConf.to_container(OmegaConf.load(file)))) if file else set()
    except yaml.YAMLError:
        return set()


def _pick(word: str, options: list[str]) -> str:
    """The end of a sentence that suggests the nearest option and lists them all, where a suggestion does not do."""
    meant = did_you_mean(word, options)
    listed = options and not (meant and len(options) > FEW)
    return meant + (f" (available: {', '.join(options)})" if listed else "")


def _first_line(error: Any) -> str:
    return next(iter(str(error).splitlines()), "")
