"""Hydra's grammar as Optuna's distributions."""

from collections.abc import Sequence

import pytest

from vaelab.errors import UserError
from vaelab.sweep.space import space_of

optuna = pytest.importorskip("optuna")
INT, FLOAT, CHOICE = (
    optuna.distributions.IntDistribution,
    optuna.distributions.FloatDistribution,
    optuna.distributions.CategoricalDistribution,
)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lr=interval(0.1,1)", FLOAT(0.1, 1.0)),
        ("lr=tag(log,interval(1e-4,1e-2))", FLOAT(1e-4, 1e-2, log=True)),
        ("dim=int(interval(2,16))", INT(2, 16)),
        ("dim=int(tag(log,interval(2,64)))", INT(2, 64, log=True)),
        ("dim=range(2,10)", INT(2, 9)),
        ("dim=range(2,10,3)", INT(2, 8, step=3)),
        ("x=range(0.0,1.0,0.25)", CHOICE([0.0, 0.25, 0.5, 0.75])),
        ("model=vae,iwae", CHOICE(["vae", "iwae"])),
        ("dim=choice(2,4)", CHOICE([2, 4])),
        ("on=true,false", CHOICE([True, False])),
    ],
)
def test_distributions(override: str, expected: object) -> None:
    (found,) = space_of([override]).distributions.values()
    assert found == expected


def test_the_rest_is_shared_and_the_command_line_wins() -> None:
    space = space_of(["dim=2,4", "lr=interval(0.1,1)", "data=digits", "+new=1", "dim=3"])
    assert list(space.distributions) == ["lr"]
    assert space.fixed == ["data=digits", "+new=1", "dim=3"]


@pytest.mark.parametrize("overrides", [["data=digits"], ["lr=interval(1,0.1)"], ["lr=tag(log,interval(0,1))"]])
def test_mistakes(overrides: Sequence[str]) -> None:
    with pytest.raises(UserError):
        space_of(overrides)
