"""What a page of several runs computes: fronts, hulls, spreads and importance, by law."""

import itertools
import math
import random
from pathlib import Path
from statistics import stdev

import pytest
from pages import write_run

from vaelab.errors import UserError
from vaelab.report.comparison import Comparison
from vaelab.report.importance import importances
from vaelab.report.parallel_coordinates import axis_of
from vaelab.report.pareto import pareto_front
from vaelab.report.rate_distortion import lower_hull
from vaelab.report.spread import Spread
from vaelab.storage.summary import summaries


def sweep(folder: Path, *, num_seeds: int = 3) -> Comparison:
    """Beta matters, the learning rate does not."""
    grid = itertools.product([0.5, 1, 2, 4], [0.001, 0.002], range(num_seeds))
    for number, (beta, lr, seed) in enumerate(grid):
        elbo = -20 - beta + 0.01 * math.sin(37 * number)
        figures = {"elbo": elbo, "rate": 8 / beta, "distortion": -elbo - 8 / beta, "fid/cnn": 3 + beta}
        overrides = [f"objective.beta={beta:g}", f"optimizer.lr={lr}", f"seed={seed}", "data=digits"]
        write_run(folder / str(number), overrides, figures)
    return Comparison(summaries(folder), folder)


def test_keys_that_vary_are_columns_and_the_seed_is_last(tmp_path: Path) -> None:
    comparison = sweep(tmp_path)
    assert comparison.keys == ["objective.beta", "optimizer.lr", "seed"]
    assert len(comparison.variants) == 8
    assert all(len(variant.runs) == 3 for variant in comparison.variants)
    assert comparison.label(comparison.variants[0]) == "beta=0.5 lr=0.001"
    assert comparison.headlines == ["elbo", "rate", "distortion", "fid/cnn"]


def test_spread_is_that_of_the_runs() -> None:
    spread = Spread.of([1.0, 2.0, 4.5])
    assert spread is not None
    assert spread.mean == pytest.approx(2.5)
    assert spread.deviation == pytest.approx(stdev([1.0, 2.0, 4.5]))
    assert spread.error == pytest.approx(stdev([1.0, 2.0, 4.5]) / math.sqrt(3))
    one = Spread.of([1.0])
    assert one is not None
    assert (one.deviation, one.error) == (None, None)
    assert Spread.of([]) is None


def test_no_run_is_below_the_hull_and_the_hull_is_convex() -> None:
    generator = random.Random(0)
    for _ in range(20):
        points = [(generator.random(), generator.random()) for _ in range(30)]
        hull = lower_hull(points)
        assert set(hull) <= set(points)
        assert hull[0][0] == min(rate for rate, _ in points)
        assert hull[-1][1] == min(distortion for _, distortion in points)
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(hull)]
        assert slopes == sorted(slopes)
        assert all(slope < 0 for slope in slopes)
        for rate, distortion in points:
            for (a, b), slope in zip(itertools.pairwise(hull), slopes, strict=True):
                if a[0] <= rate <= b[0]:
                    assert distortion >= a[1] + slope * (rate - a[0]) - 1e-12


def test_a_front_is_what_nothing_beats(tmp_path: Path) -> None:
    generator = random.Random(1)
    for number in range(20):
        figures = {"elbo": float(generator.randrange(6)), "fid/cnn": float(generator.randrange(6))}
        write_run(tmp_path / str(number), [f"seed={number}"], figures)
    runs = summaries(tmp_path)
    front = pareto_front(runs, ["elbo", "fid/cnn"])
    assert front
    for run in runs:
        beaten = any(
            other.figures["elbo"] >= run.figures["elbo"]
            and other.figures["fid/cnn"] <= run.figures["fid/cnn"]
            and other.figures != run.figures
            for other in runs
        )
        assert (run in front) != beaten


def test_what_decides_is_the_most_important(tmp_path: Path) -> None:
    pytest.importorskip("optuna", "4.9")
    shares = importances(sweep(tmp_path), "elbo")
    assert next(iter(shares)) == "objective.beta"
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["objective.beta"] > 2 * max(shares["optimizer.lr"], shares["seed"])


def test_importance_of_a_search_over_ranges(tmp_path: Path) -> None:
    pytest.importorskip("optuna", "4.9")
    generator = random.Random(2)
    for number in range(40):
        lr, size = 10 ** generator.uniform(-4, -2), generator.randrange(2, 64)
        elbo = -abs(math.log10(lr) + 3)
        write_run(tmp_path / str(number), [f"optimizer.lr={lr}", f"latent_dim={size}"], {"elbo": elbo})
    shares = importances(Comparison(summaries(tmp_path), tmp_path), "elbo")
    assert shares["optimizer.lr"] > 0.7


def test_few_runs_have_no_importance(tmp_path: Path) -> None:
    for number in range(4):
        write_run(tmp_path / str(number), [f"seed={number}"], {"elbo": float(number)})
    with pytest.raises(UserError, match="it needs 8 finished runs and 2 settings that vary, here are 4 and 1"):
        importances(Comparison(summaries(tmp_path), tmp_path), "elbo")


def test_an_axis_of_numbers_is_logarithmic_where_they_span_a_lot() -> None:
    axis = axis_of("beta", ["1", "4", "16", ""])
    assert axis.places == pytest.approx([0, 0.5, 1, None])
    assert axis.ticks == [(0.0, "1"), (0.5, "4"), (1.0, "16")]
    names = axis_of("prior", ["vamp", "flow", "vamp", ""])
    assert names.places == [0, 0.5, 0, 1]
    assert [text for _, text in names.ticks] == ["vamp", "flow", "default"]
    assert axis_of("same", ["2", "2"]).places == [0.5, 0.5]
