"""sweep=<recipe> chooses conf/sweep/<recipe>.yaml; sweep=<any other name> is short for sweep_name=<name>."""

from collections.abc import Iterable, Sequence

from vaelab.config.groups import choices
from vaelab.config.text import pop_override


def without_name(overrides: Iterable[str]) -> tuple[str, ...]:
    """A job's overrides without the name of its sweep, which may be given only when the sweep goes on."""
    return tuple(one for one in overrides if not one.startswith("sweep_name="))


def name_sweep(arguments: Sequence[str]) -> list[str]:
    """The arguments, in which a sweep that is no recipe has become the name of one."""
    value, _ = pop_override(arguments, "sweep")
    if value is None or value in choices("sweep"):
        return list(arguments)
    return [f"sweep_name={one.removeprefix('sweep=')}" if one.startswith("sweep=") else one for one in arguments]
