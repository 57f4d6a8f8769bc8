"""Ranges of arguments that a config gives, as annotations of constructors; config/ checks them.

No float in a config may be infinite or NaN.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le, Lt, MinLen


class OrWord(NamedTuple):
    """A word that a config may have instead of a number; it is replaced before the constructor is called."""

    word: str


class ByAnotherPart(NamedTuple):
    """Marks an argument that the surrounding part supplies, so that configs leave it out."""


class ByTheRun(NamedTuple):
    """Marks an argument that the run supplies, so that configs leave it out."""


Supplied = Annotated[int, ByAnotherPart()]
SuppliedSizes = Annotated[Sequence[int], ByAnotherPart()]
PositiveInt = Annotated[int, Ge(1)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Share = Annotated[float, Gt(0), Le(1)]
Fraction = Annotated[float, Ge(0), Le(1)]
OpenFraction = Annotated[float, Gt(0), Lt(1)]
Decay = Annotated[float, Ge(0), Lt(1)]  # of an exponential moving average: 1 would never move
# Of layers, latents and codebooks; more in one of them is a typing mistake that would take all memory.
Width = Annotated[int, Ge(1), Le(2**20)]
Widths = Sequence[Width]
Channels = Annotated[Sequence[Width], MinLen(1)]
Shape = Annotated[Sequence[Width], MinLen(1), OrWord("auto")]  # auto stands until the data have said it
Levels = Annotated[int, Ge(2), Le(2**20)]  # categories, codes, grey levels
NumClasses = Annotated[int, Ge(0), OrWord("auto")]
# What random number generators of torch and numpy both take.
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
