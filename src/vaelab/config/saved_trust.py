"""What a saved config may do where it is used: another person may have written it."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vaelab.config.locate import is_library
from vaelab.config.plain import map_texts, nodes, texts
from vaelab.config.plugins import installed_plugins, names
from vaelab.config.references import check_references
from vaelab.config.saved_form import WAY_OUT
from vaelab.config.targets import permitted, refused_arguments, way_out
from vaelab.config.yaml_values import stands_in_conf
from vaelab.errors import UserError

# Data, and weights of other runs.
READ_ONLY = ("data.source.root", "data.source.path", "first_stage", "init_from", "model.first_stage")
PATHS = ("folder", "root", "dir", "dirpath", "path", "weights", "save_dir", "cache")  # keys of values that are paths
CLASS_NAMES = ("data.classes", "data.source.classes")  # those of folders, which may look like anything


def check_saved(config: DictConfig, path: Path, plugins: Collection[str], overridden: Collection[str] = ()) -> None:
    """Refuses a saved config that could do more than describe an experiment.

    What is `overridden`, by its dotted keys, is no longer the saved config's.

    Raises:
        UserError: a target, an argument, a path or a reference is not permitted.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    for key in overridden:
        _blank(plain, key.split("."))
    # Nothing in place of what refers to such a key, as ${data.shape} where all of data is; among other text a
    # reference is any text, for what stands around it is still the saved config's.
    keys = "|".join(rf"\$\{{{re.escape(key)}(?:[.\[][^}}]*)?\}}" for key in overridden) or "(?!)"
    plain = map_texts(plain, lambda text: None if re.fullmatch(keys, text) else re.sub(keys, "x", text))
    for fault in (*check_references(plain), *_faults_of_targets(plain, plugins)):
        raise UserError(f"{path} may not be used as it is: {fault}")
    try:
        resolved: Any = OmegaConf.to_container(OmegaConf.create(plain), resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}; {WAY_OUT}") from None
    for fault in (*_faults_of_texts(resolved), *_faults_of_arguments(resolved), *_faults_of_paths(resolved)):
        raise UserError(f"{path} may not be used as it is: {fault}")


def _faults_of_targets(plain: Any, plugins: Collection[str]) -> Iterator[str]:
    allowed = [*plugins, *names(installed_plugins())]
    remembered = remembered_plugins(plain)
    for place, node in nodes(plain):
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
    for place, text in texts(resolved):
        if "${" in text and place not in READ_ONLY:  # folders are named anything
            yield f"{place} is put together to a reference, which no saved config does"


def _faults_of_arguments(resolved: Any) -> Iterator[str]:
    for place, node in nodes(resolved):
        for argument in refused_arguments(node) if "_target_" in node else ():
            full = f"{place}.{argument}"
            yield f"{full} is not an argument that a saved config may give; if you want it, give {full}=... yourself"


def _faults_of_paths(resolved: Any) -> Iterator[str]:
    """Nothing outside the run folder is read or written for a saved config, but data, weights and our own caches."""
    for place, text in texts(resolved):
        key = place.rpartition(".")[2]
        leads_out = re.match(r"[/~\\]|[A-Za-z]:[\\/]|\w+://", text) or ".." in re.split(r"[/\\]", text)
        unknown = key in PATHS and text and not stands_in_conf(key, text)
        if (leads_out or unknown) and place not in (*READ_ONLY, *CLASS_NAMES):
            yield f"{place}={text[:80]} leads out of the run folder; if you trust it, give {place}=... yourself"


def _blank(plain: Any, keys: list[str]) -> None:
    """Empty what an override sets anew."""
    for key in keys[:-1]:
        plain = plain.get(key) if isinstance(plain, dict) else None
    if isinstance(plain, dict) and keys[-1] in plain:
        plain[keys[-1]] = None
