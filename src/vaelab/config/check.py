"""Checks a composed config before anything is built: names, interpolations and values, all mistakes at once."""

from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from vaelab.config.choices import Choices, add_file, place
from vaelab.config.interpolation import find_broken
from vaelab.config.mistake import Mistake
from vaelab.errors import UserError


def check(config: DictConfig, choices: Choices, command: str = "train") -> None:
    """Binds every `_target_` of a config to its signature, the config itself to what `command` reads of it.

    `choices` says which file was chosen of each group, as HydraConfig's `runtime.choices` does. A value that is
    allowed but cannot be meant is logged once.

    Raises:
        UserError: all mistakes at once, each with its place.
    """
    from vaelab.config.keys import mistakes_of_keys  # torch, which --help does not wait for
    from vaelab.config.unintended import log_unintended

    refuse([*mistakes_of_keys(config, command, choices), *mistakes_of_nodes(config, "", choices)])
    log_unintended(config)


def check_nodes(config: DictConfig, choices: Choices) -> None:
    """The same for a config that no command reads: its nodes and interpolations."""
    refuse(mistakes_of_nodes(config, "", choices))


def refuse(mistakes: Iterable[Mistake | str]) -> None:
    """Raise UserError for mistakes, if there are any: one sentence about each value, however often it is used."""
    sentences: dict[str, str] = {}
    for mistake in mistakes:
        if isinstance(mistake, str):
            sentences[mistake] = mistake
        else:
            sentences.setdefault(mistake.place, mistake.sentence)
    if sentences:
        count = "1 mistake" if len(sentences) == 1 else f"{len(sentences)} mistakes"
        raise UserError("\n  ".join([f"config has {count}:", *sentences.values()]))


def mistakes_of_nodes(node: DictConfig | ListConfig, path: str, choices: Choices) -> Iterator[Mistake | str]:
    """The mistakes of a node and of all nodes in it."""
    from vaelab.config.call import mistakes_of_call

    if isinstance(node, DictConfig) and "_target_" in node:
        for mistake in mistakes_of_call(node):
            yield f"{place(path, choices)}: {mistake}" if isinstance(mistake, str) else add_file(mistake, choices)
    keys: list[Any] = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    for key in keys:
        if path == "" and key == "hydra":  # Hydra checks its own
            continue
        inner = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
        if OmegaConf.is_missing(node, key):
            yield Mistake(inner, f"{inner} is not set; give {inner}=...")
        elif OmegaConf.is_interpolation(node, key):
            if reason := find_broken(node, key):
                yield Mistake(reason.key or inner, f"{place(inner, choices)}: {reason.sentence}")
        elif OmegaConf.is_config(node[key]):
            # What an interpolation points at is checked where it stands.
            yield from mistakes_of_nodes(node[key], inner, choices)
