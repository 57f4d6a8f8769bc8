"""A number that a measure returns."""

import math
from dataclasses import asdict, dataclass
from typing import Any

NUMBERS = ("value", "floor", "error")


@dataclass(frozen=True)
class Measurement:
    """A value, and what its measure knows about how it was obtained.

    `num_examples` is N and `num_samples` k, 0 if no latents are sampled. `features` names the feature network or
    classifier, `floor` is the same number for real images, `error` a standard error or deviation, and `warning`
    one sentence on why the value may be wrong. A number that is not finite adds its own warning.
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
            and f"its {name} is" not in self.warning  # already added before it was saved
        ]
        object.__setattr__(self, "warning", "; ".join(filter(None, [self.warning, *wrong])))

    def as_json(self) -> dict[str, Any]:
        """All fields; numbers that are not finite become null, since JSON has no NaN."""
        return asdict(self) | {name: finite_or_none(getattr(self, name)) for name in NUMBERS}

    @classmethod
    def from_json(cls, keys: dict[str, Any]) -> "Measurement":
        """The inverse of `as_json`, also for files of earlier versions."""
        return cls(**keys | {"value": math.nan if keys["value"] is None else keys["value"]})


def finite_or_none(number: float | None) -> float | None:
    """The number, or None if it is not finite."""
    return number if number is not None and math.isfinite(number) else None
