"""Which file of a group holds a value."""

from collections.abc import Mapping

from omegaconf import DictConfig

from vaelab.config.groups import choice_file, describe_file
from vaelab.config.mistake import Mistake

# Groups of which several are chosen at once. Hydra keeps no record of such a choice, but every file of these
# groups holds one key, of its own name.
LISTED = ("callbacks", "evaluation", "logger")
Choices = Mapping[str, str | list[str] | None]


def add_file(mistake: Mistake, choices: Choices) -> Mistake:
    """The same, with the file that holds the value."""
    return mistake._replace(sentence=mistake.sentence + file_suffix(mistake.place, choices))


def place(path: str, choices: Choices) -> str:
    """`path (file)`, or only the path of what no group's file holds."""
    return (path or "config") + file_suffix(path, choices)


def file_suffix(path: str, choices: Choices) -> str:
    """` (conf/<group>/<choice>.yaml)`, or the file of a plugin, of a dotted key that a group's file holds."""
    group, _, rest = path.partition(".")
    key = rest.partition(".")[0]
    choice = choices.get(group)
    if group in LISTED:
        chosen = [choice] if isinstance(choice, str) else choice
        choice = key if key in (chosen or ()) or (not chosen and choice_file(group, key)) else None
    return f" ({describe_file(group, choice)})" if isinstance(choice, str) else ""


def chosen(group: str, config: DictConfig) -> list[str]:
    """What a config chooses of a group of which several are chosen at once; a key of no file is no choice."""
    return [str(name) for name in config.get(group) or {} if choice_file(group, str(name))]
