"""Config groups and their choices, in vaelab's own conf/ and in those of plugins."""

from pathlib import Path

from vaelab.config.paths import CONF
from vaelab.config.plugins import folders

HYDRA = "hydra"  # conf/hydra/ adds choices to Hydra's own groups


def groups() -> list[str]:
    """The names of all groups, such as `encoder`."""
    return sorted({path.name for folder in folders() for path in folder.iterdir() if path.is_dir()} - {HYDRA})


def is_group(name: str) -> bool:
    """Whether a key is that of a group."""
    return name.partition("/")[0] != HYDRA and any((folder / name).is_dir() for folder in folders())


def choices(group: str) -> list[str]:
    """What can be chosen of a group: its files, but for those that begin with `_`, which choices share."""
    where = folders() if is_group(group) else ()
    return sorted({path.stem for folder in where for path in (folder / group).glob("[!_]*.yaml")})


def choice_file(group: str, choice: str) -> Path | None:
    """The file of a choice, or None where it has none."""
    files = (folder / group / f"{choice}.yaml" for folder in folders())
    return next((file for file in files if file.is_file()), None)


def describe_file(group: str, choice: str) -> str:
    """The file of a choice as a sentence names it: `conf/…`, or `<package>/conf/…` of a plugin."""
    file = choice_file(group, choice)
    if file is None or file.is_relative_to(CONF):
        return f"conf/{group}/{choice}.yaml"
    return f"{file.parents[2].name}/conf/{group}/{choice}.yaml"
