"""How a config differs from the defaults."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf

from vaelab.config.choices import LISTED
from vaelab.config.groups import groups
from vaelab.config.paths import CONF
from vaelab.config.plugins import search_path

# What says where a run is, and not what it is.
PLACES = ("name", "sweep", "sweep_name", "group", "choices", "overwrite", "plugins")
RECIPES = ("experiment", "sweep")  # whose numbers count as changes


class Changed(NamedTuple):
    """A key with its default and its value here, as text; empty where there is none."""

    key: str
    default: str
    here: str


def changed_choices(config: DictConfig) -> list[Changed]:
    """The groups of which a run's config has another choice than `vaelab train` has by default."""
    defaults = compose_train([])
    return [
        Changed(group, text(before), text(after))
        for group in groups()
        if (before := choice_of(defaults, group)) != (after := choice_of(config, group))
    ]


def changed_values(config: DictConfig) -> list[Changed]:
    """The values of a run's config that its chosen parts do not have by default; references stand as they are."""
    defaults = compose_train(choice_arguments(config))
    before, after = flatten(defaults), flatten(config)
    return [
        Changed(key, text(before.get(key, "")), text(after.get(key, "")))
        for key in dict.fromkeys([*after, *before])
        if before.get(key, "") not in (after.get(key, ""), "auto")  # which the data have said since
    ]


def compose_train(arguments: list[str]) -> DictConfig:
    """The config of `vaelab train` under overrides, also while Hydra runs a job, with the choices that were made."""
    theirs, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
    GlobalHydra.instance().hydra = None
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", search_path(arguments), return_hydra_config=True)
    finally:
        GlobalHydra.instance().hydra = theirs
        VersionBase.instance().version_base = base
    choices = {str(group): choice for group, choice in config.hydra.runtime.choices.items()}
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    config.choices = choices
    return config


def choice_arguments(config: DictConfig) -> list[str]:
    """The arguments that choose the parts of a config, without the numbers that a recipe tunes."""
    arguments = []
    for group in groups():
        choice = choice_of(config, group)
        if group in LISTED and isinstance(choice, list):
            arguments.append(f"{group}=[{','.join(choice)}]")
        elif choice is not None and group not in RECIPES:  # Hydra has no argument that chooses nothing
            arguments.append(f"{group}={choice}")
    return arguments


def choice_of(config: DictConfig, group: str) -> Any:
    """What a config chose of a group: a name, None, or the names of a list."""
    if group in LISTED:
        return [str(name) for name in config.get(group) or ()]
    return config.choices.get(group)


def flatten(config: DictConfig) -> dict[str, Any]:
    """The values of a config by dotted key, without those that say where a run is."""
    plain: Any = OmegaConf.to_container(config, resolve=False)
    return dict(_leaves({key: value for key, value in plain.items() if key not in PLACES}, ""))


def _leaves(node: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def text(value: Any) -> str:
    """A value as a command line has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(text, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
