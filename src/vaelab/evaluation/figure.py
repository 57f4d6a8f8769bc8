"""A number that a measure found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A value with what only its measure knows of how it came about.

    `num_examples` is N and `num_samples` k, 0 where no latents are sampled. `features` names the network whose
    features are compared, `floor` is the same number of real images against real images, `error` a standard error
    or deviation, and `warning` one sentence on why the value may not be believed.
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
