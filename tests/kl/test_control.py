"""The buffers that callbacks write and objectives read."""

import pytest
import torch

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.kl.rate import controlled_rate

FIELDS = ("weight", "free_nats", "capacity")


class First:
    """Somebody who writes."""


class Second:
    """Somebody else."""


def test_a_new_control_controls_nothing() -> None:
    kl = torch.rand(4, 3)
    torch.testing.assert_close(KLControl()(kl), kl.sum(1).mean())


def test_every_field_and_the_group_size_reach_the_rate() -> None:
    kl, control = torch.rand(4, 6), KLControl()
    control.group_size = 3
    for field, value in zip(FIELDS, (0.5, 0.9, 0.3), strict=True):
        control.write(field, value)
    torch.testing.assert_close(control(kl), controlled_rate(kl, *map(torch.tensor, (0.5, 0.9, 0.3)), 3))


def test_fields_are_part_of_the_state_dict() -> None:
    control, other = KLControl(), KLControl()
    for number, field in enumerate(FIELDS):
        control.write(field, 0.25 + number)
    other.load_state_dict(control.state_dict())
    assert [getattr(other, field).item() for field in FIELDS] == [0.25, 1.25, 2.25]


def test_two_writers_of_one_field_are_an_error() -> None:
    control, first = KLControl(), First()
    control.claim("weight", first, frozenset(FIELDS))
    control.claim("weight", first, frozenset(FIELDS))  # the same one again: Lightning sets up for each stage
    control.claim("capacity", Second(), frozenset(FIELDS))
    with pytest.raises(UserError) as caught:
        control.claim("weight", Second(), frozenset(FIELDS))
    assert str(caught.value) == "callbacks First and Second both write 'weight'; keep one of them"


@pytest.mark.parametrize(
    ("supported", "said"), [(frozenset(), "none"), (frozenset({"weight", "capacity"}), "capacity, weight")]
)
def test_an_unsupported_field_is_an_error(supported: frozenset[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        KLControl().claim("free_nats", First(), supported)
    assert str(caught.value) == (
        "callback First writes 'free_nats', which this objective does not support "
        f"(it supports {said}); drop the callback or change the objective"
    )


def test_is_settled_when_the_last_schedule_has_ended() -> None:
    control = KLControl()
    assert control.is_settled(0)
    control.claim("weight", First(), frozenset(FIELDS), end=10)
    control.claim("capacity", Second(), frozenset(FIELDS), end=20)
    assert [control.is_settled(step) for step in (0, 10, 19, 20, 21)] == [False, False, False, True, True]
