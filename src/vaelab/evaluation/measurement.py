"""A number that a measure returns."""

import math
from dataclasses import asdict, dataclass
from typing import Any

NUMBERS = ("value", "floor", "error")


@dataclass(frozen=True)
class Measurement:
    """A value with what only its measure knows of how it came about.

    `num_examples` is N and `num_samples` k, 0 where no latents are sampled. `features` names the network whose
    features are compared or that classifies, `floor` is the same number of real images, `error` a standard error
    or deviation, and `warning` one sentence on why the value may not be believed, as it says by itself of a number
    that is not finite.
    """

    name: str
    value: float
    unit: str
    num_examples: int
    num_samples: int = 0
    features: str = ""
    floor: float | None = None
    error: float | None = None
    warning: str = ""

    def __post_init__(self) -> None:
        wrong = [
            f"its {name} is {number}"
            for name in NUMBERS
            if (number := getattr(self, name)) is not None
            and not math.isfinite(number)
            and f"its {name} is" not in self.warning  # as of a measurement that comes from a file
        ]
        object.__setattr__(self, "warning", "; ".join(filter(None, [self.warning, *wrong])))

    def as_json(self) -> dict[str, Any]:
        """All of it, null in the place of a number that is not finite, which JSON does not know."""
        return asdict(self) | {name: finite_or_none(getattr(self, name)) for name in NUMBERS}

    @classmethod
    def from_json(cls, keys: dict[str, Any]) -> "Measurement":
        """What `as_json` said, or an earlier version."""
        return cls(**keys | {"value": math.nan if keys["value"] is None else keys["value"]})


def finite_or_none(number: float | None) -> float | None:
    """The number, None where it is not finite."""
    return number if number is not None and math.isfinite(number) else None
