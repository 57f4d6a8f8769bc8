"""Schedules: pure functions from the optimizer step to a number.

Each has `end`, the first step from which it stays constant. Its length may be given in epochs instead of steps; then
`in_steps` makes it a function of the step.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from vaelab.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Share


class Schedule(Protocol):
    """A pure function of the step, so that a resumed run continues exactly."""

    @property
    def end(self) -> int: ...

    def __call__(self, step: int) -> float: ...


@dataclass(frozen=True)
class Linear:
    """From `start` to `stop`, linear in the step, over `steps`.       (Bowman et al. 2016, arXiv:1511.06349)

    Args:
        start: value at step 0, >= 0.
        stop: value from step `steps` on, >= 0.
        steps: optimizer steps of the ramp.
        epochs: epochs of the ramp; if given, they count instead of `steps`.
    """

    start: NonNegativeFloat
    stop: NonNegativeFloat
    steps: NonNegativeInt
    epochs: NonNegativeFloat | None = None

    @property
    def end(self) -> int:
        return length(self)

    def __call__(self, step: int) -> float:
        return self.start + (self.stop - self.start) * progress(step, length(self))


@dataclass(frozen=True)
class Cosine:
    """From `start` to `stop` along half a cosine over `steps`: flat at both ends.

    Args:
        start: value at step 0, >= 0.
        stop: value from step `steps` on, >= 0.
        steps: optimizer steps of the ramp.
        epochs: epochs of the ramp; if given, they count instead of `steps`.
    """

    start: NonNegativeFloat
    stop: NonNegativeFloat
    steps: NonNegativeInt
    epochs: NonNegativeFloat | None = None

    @property
    def end(self) -> int:
        return length(self)

    def __call__(self, step: int) -> float:
        return self.start + (self.stop - self.start) * (1 - math.cos(math.pi * progress(step, length(self)))) / 2


@dataclass(frozen=True)
class Sigmoid:
    """From `start` to `stop` along a logistic curve over `steps`, rescaled to reach both ends exactly.

    (Bowman et al. 2016, arXiv:1511.06349)

    Args:
        start: value at step 0, >= 0.
        stop: value from step `steps` on, >= 0.
        steps: optimizer steps of the ramp.
        epochs: epochs of the ramp; if given, they count instead of `steps`.
        sharpness: number of logistic scales between the ends, > 0.
    """

    start: NonNegativeFloat
    stop: NonNegativeFloat
    steps: NonNegativeInt
    sharpness: PositiveFloat = 10.0
    epochs: NonNegativeFloat | None = None

    @property
    def end(self) -> int:
        return length(self)

    def __call__(self, step: int) -> float:
        half = self.sharpness / 2
        curve = math.tanh(half * (progress(step, length(self)) - 0.5)) / math.tanh(half / 2)
        return self.start + (self.stop - self.start) * (1 + curve) / 2


@dataclass(frozen=True)
class Cyclical:
    """`num_cycles` ramps from `start` to `stop`, each linear over the share `ramp` of `steps` and then constant.

    After the last cycle it stays at `stop`.       (Fu et al. 2019, arXiv:1903.10145, eq. 6)

    Args:
        start: value at the begin of each cycle, >= 0.
        stop: value at the end of each cycle, >= 0.
        steps: optimizer steps per cycle.
        epochs: epochs per cycle; if given, they count instead of `steps`.
        num_cycles: number of cycles.
        ramp: share of a cycle in which the value rises, in [0, 1].
    """

    start: NonNegativeFloat
    stop: NonNegativeFloat
    steps: NonNegativeInt
    num_cycles: PositiveInt
    ramp: Share = 0.5
    epochs: NonNegativeFloat | None = None

    @property
    def end(self) -> int:
        return length(self) * self.num_cycles

    def __call__(self, step: int) -> float:
        cycle = length(self)
        within = cycle if step >= self.end else step % cycle
        return self.start + (self.stop - self.start) * progress(within, self.ramp * cycle)


Ramp = Linear | Cosine | Sigmoid | Cyclical


def is_in_epochs(schedule: Schedule) -> bool:
    """Whether the length of a schedule is given in epochs."""
    return isinstance(schedule, Ramp) and schedule.epochs is not None


def in_steps(schedule: Schedule, steps_per_epoch: int) -> Schedule:
    """The same schedule with its length in optimizer steps."""
    if isinstance(schedule, Ramp) and schedule.epochs is not None:
        return replace(schedule, steps=round(schedule.epochs * steps_per_epoch), epochs=None)
    return schedule


def length(schedule: Ramp) -> int:
    """The optimizer steps of one ramp or cycle."""
    assert schedule.epochs is None, "in_steps comes first"
    return schedule.steps


def progress(step: int, steps: float) -> float:
    """step / steps, clipped to [0, 1]; 1 if `steps` is 0."""
    return min(max(step / steps, 0.0), 1.0) if steps > 0 else 1.0
