"""The help of a command: the text of its yaml, with the groups and their choices."""

from typing import Any

from omegaconf import OmegaConf

from vaelab.config.groups import choices, groups
from vaelab.config.paths import CONF


def build_help(name: str) -> str:
    """The help that conf/<name>.yaml gives Hydra, filled in here: Hydra takes a second to list the groups."""
    config: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    text = config.pop("hydra")["help"]
    config.pop("defaults", None)
    filled = {
        "${hydra.help.header}": text["header"],
        "${hydra.help.footer}": text.get("footer", ""),
        "$APP_CONFIG_GROUPS": list_choices(),
        "$CONFIG": OmegaConf.to_yaml(config),
    }
    help_text = str(text["template"])
    for key, value in filled.items():
        help_text = help_text.replace(key, value)
    return help_text


def list_choices() -> str:
    """One line per group: its name and its choices, those of plugins included."""
    return "".join(f"{group}: {', '.join(choices(group))}\n" for group in groups() if choices(group))
