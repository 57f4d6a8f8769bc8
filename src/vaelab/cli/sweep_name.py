"""sweep=<recipe> chooses conf/sweep/<recipe>.yaml; sweep=<any other name> is short for sweep_name=<name>."""

from collections.abc import Iterable, Sequence
from typing import Any

from omegaconf import OmegaConf

from vaelab.config.groups import choice_file, choices
from vaelab.config.text import pop_override

SWEEPER = "override /hydra/sweeper"


def without_name(overrides: Iterable[str]) -> tuple[str, ...]:
    """A job's overrides without the name of its sweep, which may be given only when the sweep goes on."""
    return tuple(one for one in overrides if not one.startswith("sweep_name="))


def name_sweep(arguments: Sequence[str]) -> list[str]:
    """The arguments, in which a sweep that is no recipe has become the name of one; a recipe brings its sweeper."""
    value, _ = pop_override(arguments, "sweep")
    if value is None:
        return list(arguments)
    if value in choices("sweep"):
        return [*arguments, *sweeper_of(value, arguments)]
    return [f"sweep_name={one.removeprefix('sweep=')}" if one.startswith("sweep=") else one for one in arguments]


def sweeper_of(recipe: str, arguments: Sequence[str]) -> list[str]:
    """The override for the sweeper that a recipe chooses, unless one is given; conf/train.yaml's would win over it."""
    file = choice_file("sweep", recipe)
    assert file is not None, "it is a choice"
    plain: Any = OmegaConf.to_container(OmegaConf.load(file))
    chosen = [entry[SWEEPER] for entry in plain.get("defaults") or () if SWEEPER in entry]
    given = any(one.startswith("hydra/sweeper=") for one in arguments)
    return [] if given else [f"hydra/sweeper={one}" for one in chosen]
