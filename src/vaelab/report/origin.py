"""How a run was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Difference:
    """A key of the config whose value is not the default; empty where one of the two has no such key."""

    key: str
    default: str
    here: str


@dataclass(frozen=True)
class Origin:
    """What a page says about the config of a run.

    Attributes:
        name: of the run, `<model>-<data>`.
        command: the one that starts the same run.
        choices: the groups of which another part was chosen than by default.
        values: the values that the chosen parts do not have by default.
        facts: what identifies the run at a glance, by name.
        notes: sentences on what the command does not repeat.
    """

    name: str
    command: str
    choices: Sequence[Difference] = ()
    values: Sequence[Difference] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
