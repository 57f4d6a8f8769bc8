"""Laws that every schedule in conf/kl/ obeys."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaelab.config import build
from vaelab.kl.schedule import Cosine, Cyclical, Linear, Schedule, Sigmoid, in_steps, is_in_epochs

FILES = sorted((Path(__file__).parents[2] / "conf" / "kl").glob("*.yaml"))
SCHEDULES = [
    *(build(OmegaConf.load(file)) for file in FILES),
    Linear(0.0, 1.0, 7),
    Linear(5.0, 1.0, 10),
    Cosine(0.5, 25.0, 11),
    Sigmoid(1.0, 0.0, 9, sharpness=3.0),
    Cyclical(0.0, 2.0, 10, 3, ramp=0.5),
    Cyclical(0.0, 1.0, 7, 2, ramp=1.0),
]

every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)


@every_schedule
def test_goes_from_start_to_stop(schedule: Schedule) -> None:
    assert schedule(0) == pytest.approx(schedule.start, abs=1e-12)
    assert schedule(schedule.end) == pytest.approx(schedule.stop, abs=1e-12)


@every_schedule
def test_end_is_the_first_step_from_which_it_is_constant(schedule: Schedule) -> None:
    later = [schedule(schedule.end + step) for step in range(50)]
    assert set(later) == {schedule(10**9)}
    if not isinstance(schedule, Cyclical):  # which holds `stop` at the end of each cycle already
        assert schedule(schedule.end - 1) != later[0]


@every_schedule
def test_is_monotone_and_between_its_ends(schedule: Schedule) -> None:
    low, high = sorted((schedule.start, schedule.stop))
    one_ramp = schedule.steps
    values = [schedule(step) for step in range(one_ramp)]
    rising = schedule.stop > schedule.start
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in values)
    assert all(before <= after if rising else before >= after for before, after in pairwise(values))


@every_schedule
def test_is_a_pure_function(schedule: Schedule) -> None:
    steps = [5, 0, schedule.end, 3, 10**6, 3, 0, 5]
    values = [schedule(step) for step in steps]
    assert values == [type(schedule)(**vars(schedule))(step) for step in steps]
    assert values[:2] == values[:-3:-1]


def test_cyclical_starts_over_and_ramps_for_its_share_of_each_cycle() -> None:
    schedule = Cyclical(start=0.0, stop=1.0, steps=10, num_cycles=3, ramp=0.5)
    cycle = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert schedule.end == 30
    assert [schedule(step) for step in range(35)] == pytest.approx([*cycle * 3, *[1.0] * 5])


@pytest.mark.parametrize("kind", [Linear, Cosine, Sigmoid])
def test_the_middle_is_half_way(kind: type) -> None:
    assert kind(1.0, 3.0, 20)(10) == pytest.approx(2.0)


@pytest.mark.parametrize("kind", [Linear, Cosine, Sigmoid])
def test_a_schedule_of_no_length_is_constant(kind: type) -> None:
    assert [kind(0.0, 1.0, 0)(step) for step in (0, 1)] == [1.0, 1.0]


@every_schedule
@pytest.mark.parametrize("epochs", [0.5, 3])
def test_a_length_in_epochs_counts_instead_of_steps(schedule: Schedule, epochs: float) -> None:
    in_epochs = replace(schedule, steps=1, epochs=epochs)
    same = replace(schedule, steps=round(epochs * 40))
    assert (is_in_epochs(in_epochs), is_in_epochs(schedule)) == (True, False)
    assert in_steps(in_epochs, 40) == same
    assert in_steps(schedule, 40) is schedule


def test_a_length_in_epochs_is_not_used_before_it_is_known_in_steps() -> None:
    for use in (lambda: Linear(0.0, 1.0, 5, epochs=2)(3), lambda: Cyclical(0.0, 1.0, 5, 2, epochs=2).end):
        with pytest.raises(AssertionError, match="in_steps"):
            use()
