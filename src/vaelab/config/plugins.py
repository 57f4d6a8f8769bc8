"""Packages of a user's own, whose conf/ folders join vaelab's: each is found by its name, and none is imported for it.

A package is a plugin where it is installed with an entry point in the group `vaelab.plugins`, or where the user names
it: `plugins=[my_project]`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig, OmegaConf

from vaelab.config.locate import find_module, is_library
from vaelab.config.paths import CONF
from vaelab.config.text import pop_override, quote
from vaelab.errors import UserError

GROUP = "vaelab.plugins"  # of entry points


class Plugin(NamedTuple):
    """A package and its configs; `conf` is None where it only holds classes."""

    package: str
    conf: Path | None


_named: ContextVar[tuple[str, ...]] = ContextVar("plugins named by the user", default=())


@contextmanager
def use_plugins(packages: Sequence[str]) -> Iterator[None]:
    """Inside, these packages are plugins too.

    Raises:
        UserError: one of them cannot be found, or has a config of the same name as another.
    """
    token = _named.set(tuple(dict.fromkeys([*_named.get(), *packages])))
    try:
        folders()
        yield
    finally:
        _named.reset(token)


def active_plugins() -> tuple[Plugin, ...]:
    """The plugins of this moment: the installed ones, then those that the user named."""
    found = installed_plugins()
    return (*found, *(find(package) for package in _named.get() if package not in names(found)))


def plugins_of(config: DictConfig) -> list[str]:
    """The plugins that a run has to remember: those that were named, and installed ones that are part of its config."""
    written = OmegaConf.to_yaml(config)
    return [
        plugin.package
        for plugin in active_plugins()
        if plugin.package in _named.get() or f"_target_: {plugin.package}." in written or _has_choice_of(plugin, config)
    ]


def _has_choice_of(plugin: Plugin, config: DictConfig) -> bool:
    """Whether a choice of the config is a file of the plugin."""
    folder = plugin.conf
    return folder is not None and any(
        (folder / str(group) / f"{name}.yaml").is_file()
        for group, choice in (config.get("choices") or {}).items()
        for name in ([choice] if isinstance(choice, str) else choice or ())
    )


def names(plugins: Sequence[Plugin]) -> list[str]:
    """The packages of plugins."""
    return [plugin.package for plugin in plugins]


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """The plugins that installed distributions bring."""
    found = []
    for point in sorted(entry_points(group=GROUP)):
        try:
            found.append(find(point.value.partition(":")[0]))
        except UserError as error:
            raise UserError(f"the installed plugin '{point.name}' is broken: {error}; or uninstall it") from None
    return tuple(dict.fromkeys(found))


def find(package: str) -> Plugin:
    """A plugin by its dotted name. Nothing is imported.

    Raises:
        UserError: there is no such package, or it is a library.
    """
    if not package or not all(part.isidentifier() for part in package.split(".")):
        raise UserError(f"plugins=[{package}] must name packages, as in plugins=[my_project]")
    first, *inner = package.split(".")
    if is_library(first):
        raise UserError(f"plugins=[{package}] names a library; name a package of your own, or leave it out")
    try:
        find_module(first)
    except UserError as error:
        raise UserError(f"plugins=[{package}]: {error}") from None
    places = [Path(place, *inner) for place in _places(first)]
    return Plugin(package, next((place / "conf" for place in places if (place / "conf").is_dir()), None))


def _places(package: str) -> list[str]:
    """The folders of a package; none of a module, such as the notebook `__main__`, which has no spec."""
    try:
        spec = find_spec(package)
    except ValueError:
        return []
    return list(spec.submodule_search_locations or ()) if spec else []


def folders() -> tuple[Path, ...]:
    """Where configs are looked for: vaelab's own conf/, then those of plugins."""
    found = tuple(plugin.conf for plugin in active_plugins() if plugin.conf is not None)
    _check_names(found)
    return (CONF, *found)


@cache
def _check_names(found: tuple[Path, ...]) -> None:
    """Raises UserError for a config that Hydra would pass over, since one of its name comes first."""
    owners: dict[Path, Path] = {}
    for folder in (CONF, *found) if found else ():
        for file in sorted(folder.rglob("*.yaml")):
            owner = owners.setdefault(file.relative_to(folder), file)
            if owner != file:
                raise UserError(f"{file} has the name of {owner}, which would be taken instead; rename it")


def pop_plugins(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The packages that `plugins=[…]` names on a command line, and the other arguments."""
    text, others = pop_override(arguments, "plugins")
    return [one.strip().strip("'\"") for one in (text or "").strip("[]").split(",") if one.strip()], others


def search_path(arguments: Sequence[str]) -> list[str]:
    """The arguments, with one that has Hydra look for configs in the plugins too, in every job of a multirun."""
    given, others = pop_override(arguments, "hydra.searchpath")
    ours = [quote(f"file://{folder}") for folder in folders()[1:]]
    if not ours:
        return list(arguments)
    theirs = [given.removeprefix("[").removesuffix("]")] if given else []
    return [*others, f"hydra.searchpath=[{','.join([*ours, *theirs])}]"]
