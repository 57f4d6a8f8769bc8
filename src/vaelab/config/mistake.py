"""What is wrong with a config."""

from typing import NamedTuple


class Mistake(NamedTuple):
    """A sentence about the value at `place`, of which one is enough."""

    place: str
    sentence: str
