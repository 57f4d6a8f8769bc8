"""The table at the end of a sweep: ranks, errors and digits."""

import math
import random
from io import StringIO
from statistics import mean

import pytest
from rich.console import Console

from vaelab.cli.sweep_table import cell, compare, decimal_places, rank_variants, standard_error
from vaelab.evaluation.direction import better

WORDS = {"more": max, "less": min}


def lines(variants: dict[str, list[dict[str, float]]], width: int = 100) -> list[str]:
    console = Console(width=width, file=StringIO())
    console.print(compare(variants))
    return [line.strip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("direction", ["more", "less"])
def test_the_first_has_the_best_mean_and_ranks_follow_the_means(direction: str, seed: int) -> None:
    chance = random.Random(seed)
    found = {f"v{place}": [chance.gauss(0, 1) for _ in range(chance.randrange(1, 4))] for place in range(6)}
    ranks = rank_variants(found, direction)
    means = {name: mean(values) for name, values in found.items()}
    assert sorted(ranks.values()) == [1, 2, 3, 4, 5, 6]
    assert means[min(ranks, key=ranks.__getitem__)] == WORDS[direction](means.values())
    in_order = [means[name] for name in sorted(ranks, key=ranks.__getitem__)]
    assert in_order == sorted(means.values(), reverse=direction == "more")


def test_equal_means_share_a_rank_and_what_was_not_measured_has_none() -> None:
    found = {"a": [2.0], "b": [1.0, 3.0], "c": [5.0], "none": []}
    assert rank_variants(found, "less") == {"a": 1, "b": 1, "c": 3}
    assert rank_variants(found, None) == {}


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("elbo", "more"),
        ("nll/iw5000", "less"),
        ("bce/ais500", "less"),
        ("ess/iw5000", "more"),
        ("fid/fashion_mnist_cnn128-e48c/n10000", "less"),
        ("reconstruction/mse", "less"),
        ("reconstruction/recall/inception2048/n10000", "more"),
        ("reconstruction/kid/inception2048/n10000", "less"),
        ("dci/forest/informativeness", "more"),
        ("probe/knn5", "more"),
        ("rate", None),
        ("distortion", None),
        ("total_correlation/gaussian", None),
        ("ais/acceptance", None),
    ],
)
def test_the_direction_of_a_name(name: str, direction: str | None) -> None:
    assert better(name) == direction


def test_rows_of_each_metric_stand_below_its_name_the_best_first() -> None:
    variants = {
        "beta=1": [{"elbo": -3.0, "rate": 5.0}, {"elbo": -3.2, "rate": 6.0}],
        "beta=2": [{"elbo": -2.0, "rate": 7.0}, {"elbo": -2.2, "rate": 8.0}],
        "beta=4": [{"rate": 1.0}],
    }
    title, _, header, _, *rows = lines(variants)
    assert title == "test split, mean ± standard error over seeds"
    assert header.split() == ["rank", "metric", "and", "variant", "seeds", "value"]
    assert [row.split() for row in rows if row] == [
        ["elbo", "↑"],
        ["1", "beta=2", "2", "-2.10", "±", "0.10"],
        ["2", "beta=1", "2", "-3.10", "±", "0.10"],
        ["beta=4", "0"],
        ["rate"],
        ["beta=1", "2", "5.50", "±", "0.50"],
        ["beta=2", "2", "7.50", "±", "0.50"],
        ["beta=4", "1", "1.00"],
    ]


def test_without_seeds_there_is_no_error() -> None:
    title, _, _, _, *rows = lines({"run one": [{"nll/iw5": 2.5}], "run two": [{"nll/iw5": 1.25}]})
    assert title == "test split"
    assert [row.split() for row in rows if row] == [
        ["nll/iw5", "↓"],
        ["1", "run", "two", "1", "1.2500"],
        ["2", "run", "one", "1", "2.5000"],
    ]


def test_a_narrow_table_wraps_variants_below_their_beginning() -> None:
    long = " ".join(f"part{number}.key={number}" for number in range(8))
    rows = lines({long: [{"fid/" + "x" * 40 + "/n10000": 1.0}]}, width=60)
    assert max(map(len, rows)) <= 60
    assert [word for row in rows for word in row.split() if word.startswith("part")] == long.split()


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([[-30.46, -30.57], [-31.01, -31.05]], ["-30.515 ± 0.055", "-31.030 ± 0.020"]),
        ([[8.0, 8.0], [9.0]], ["8 ± 0", "9"]),
        ([[0.00038, 0.00039], [0.0112]], ["0.0003850 ± 0.0000050", "0.0112000"]),
        ([[-123456.789]], ["-123457"]),
        ([[1e-7]], ["0.00000010000"]),
        ([[0.0], []], ["0", ""]),
        ([[1234.5, 2345.6], [10.0]], ["1790 ± 556", "10"]),
    ],
)
def test_the_digits_of_a_metric(groups: list[list[float]], expected: list[str]) -> None:
    places = decimal_places(groups)
    assert [cell(values, places) for values in groups] == expected


def test_the_standard_error_shrinks_with_the_number_of_seeds() -> None:
    assert standard_error([1.0]) is None
    assert standard_error([1.0, 3.0]) == pytest.approx(1.0)
    assert standard_error([1.0, 3.0] * 50) == pytest.approx(math.sqrt(100 / 99) / 10)
