"""The config of a run folder, read as plain data of the form that runs save: another person may have written it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from vaelab.config.choices import LISTED
from vaelab.config.groups import groups
from vaelab.config.references import ESCAPED, REFERENCE
from vaelab.errors import UserError

MAX_BYTES = 300_000  # the largest config of conf/ has 20,000
MAX_DEPTH = 40
CHOICES = "choices"
INSTANTIATE = ("_target_", "_partial_", "_recursive_", "_convert_")
FORBIDDEN = ("hydra", "defaults")  # Hydra's own words: other files, other resolvers, the environment
FLOAT = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[0-9][0-9_]*\.[0-9_]*|\.[0-9]+(?:[eE][-+]?[0-9]+)?)"
WAY_OUT = "restore it, for example from the copy in .hydra/ or in history/, or start a new run"


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


def _problem(error: yaml.YAMLError) -> str:
    text = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return str(text).splitlines()[0]


def _faults_of_form(plain: Any) -> Iterator[str]:
    if not isinstance(plain, dict):
        yield f"it holds {_kind(plain)} and not keys with values; {WAY_OUT}"
        return
    known = [group for group in groups() if group != "sweep"]  # which was the name of a sweep in version 0.1.0
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
