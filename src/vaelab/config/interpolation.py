"""What stands behind `${…}` in a config: the value with the place where it is written, or why there is none."""

import re
from typing import Any, NamedTuple

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, InterpolationToMissingValueError, OmegaConfBaseException

from vaelab.config.groups import choices, is_group
from vaelab.config.plain import paths
from vaelab.config.yaml_values import ALL, stands_in_conf
from vaelab.errors import did_you_mean

# What an interpolation of ${hydra:…} says where no Hydra application runs: no mistake of the config.
OUTSIDE_HYDRA = ("HydraConfig was not set", "Unsupported interpolation type hydra")
REFERENCE = re.compile(r"\$\{([\w.]+)\}")


class Broken(NamedTuple):
    """Why an interpolation leads nowhere, and the key that is to blame, empty where a resolver is."""

    sentence: str
    key: str


def origin(node: DictConfig | ListConfig, key: Any) -> tuple[str, Any]:
    """The full key at which the value of `node[key]` is written, and its OmegaConf node.

    Raises:
        OmegaConfBaseException: an interpolation that is broken, or a value that is missing.
    """
    found: Any = node._get_node(key, throw_on_missing_value=True)
    while found._is_interpolation():
        found = found._dereference_node()
    return str(found._get_full_key(None)), found


def typed_reference(node: DictConfig | ListConfig, key: Any) -> tuple[str, str] | None:
    """The last key on the way from `node[key]` to its value that refers to another as none of our yamls does.

    With its text: it is where a reference was typed. None where all references are ours.
    """
    found: Any = node._get_node(key)
    if not found._is_interpolation():
        return None
    text = str(found._value())
    if whole := REFERENCE.fullmatch(text):
        above, _, inner = whole[1].rpartition(".")
        root: Any = node._get_root()
        further = OmegaConf.select(root, above) if above else root
        if isinstance(further, DictConfig) and (reference := typed_reference(further, inner)):
            return reference
    return None if stands_in_conf(str(key), text, ALL) else (str(found._get_full_key(None)), text)


def find_broken(node: DictConfig | ListConfig, key: Any) -> Broken | None:
    """Why the interpolation at `node[key]` leads nowhere, unless it is because of another one, which says so itself."""
    text = raw_text(node, key)
    try:
        node[key]
    except InterpolationToMissingValueError:
        return None  # reported where the value is missing
    except InterpolationKeyError as error:
        return _without_key(text, node, str(error))
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0].rpartition(" raised while resolving interpolation: ")[2].strip('"')
        if reason not in OUTSIDE_HYDRA and not ("Recursive" not in reason and leads_to_broken(text, node)):
            return Broken(f"'{text}' does not resolve: {reason}", "")
    return None


def leads_to_broken(text: str, node: DictConfig | ListConfig) -> bool:
    """Whether a key that a value refers to is itself without a value."""
    root: Any = node._get_root()
    for key in REFERENCE.findall(text):
        try:
            OmegaConf.select(root, key, throw_on_missing=False)
        except OmegaConfBaseException:
            return True
    return False


def raw_text(node: DictConfig | ListConfig, key: Any) -> str:
    """The text of a value before interpolation."""
    plain: Any = OmegaConf.to_container(node, resolve=False)
    return str(plain[key])


def _without_key(text: str, node: DictConfig | ListConfig, reason: str) -> Broken | None:
    """A group that is wanted and not chosen, or a key that does not exist."""
    root: Any = OmegaConf.to_container(node._get_root(), resolve=False)
    existing = set(paths(root))
    wanted = [key for key in REFERENCE.findall(text) if key not in existing]
    if not wanted:
        return None if REFERENCE.search(text) else Broken(f"no key for '{text}'", reason)
    group, _, inner = wanted[0].partition(".")
    if not inner and is_group(group):
        available = ", ".join(choices(group))
        return Broken(f"'{text}' needs a choice of group {group}; give {group}=... (available: {available})", group)
    return Broken(f"no key for '{text}'{did_you_mean(wanted[0], existing)}", wanted[0] if group in root else group)
