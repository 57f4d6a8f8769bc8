"""The rate-distortion plane of several runs."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from vaelab.report.chart import INK, MUTED, SCHEME, SERIES, as_spec, rows
from vaelab.report.comparison import Comparison, as_number
from vaelab.report.spread import LOGARITHMIC

RATE, DISTORTION = "rate", "distortion"
HEIGHT = 340
MAX_COLOURS = 8
Point = tuple[float, float]


def lower_hull(points: Sequence[Point]) -> list[Point]:
    """The lower convex hull from the lowest rate to the lowest distortion, by increasing rate.

    A mixture of two models reaches every point between them, so what these runs can reach is above this line
    (Alemi et al. 2018, arXiv:1711.00464, section 2). Its slope is -beta.

    >>> lower_hull([(0, 9), (1, 5), (2, 6), (3, 2), (4, 4)])
    [(0, 9), (1, 5), (3, 2)]
    """
    hull: list[Point] = []
    for point in sorted(set(points)):
        while len(hull) > 1 and not turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    lowest = min(range(len(hull)), key=lambda place: hull[place][1], default=-1)
    return hull[: lowest + 1]


def turns_left(a: Point, b: Point, c: Point) -> bool:
    """Whether the way from a over b to c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])


def rate_distortion_chart(comparison: Comparison) -> dict[str, Any] | None:
    """Each run at its rate and distortion in nats, with the lower convex hull; None for fewer than two runs."""
    runs = [run for run in comparison.runs if RATE in run.figures and DISTORTION in run.figures]
    if len(runs) < 2:
        return None
    points = [
        {
            "rate": run.figures[RATE],
            "distortion": run.figures[DISTORTION],
            "run": comparison.name(run),
            **{key: comparison.setting(run, key) for key in comparison.keys},
        }
        for run in runs
    ]
    hull = lower_hull([(run.figures[RATE], run.figures[DISTORTION]) for run in runs])
    x = alt.X(
        "rate:Q", title="rate, nats", scale=alt.Scale(zero=False, nice=False, padding=14), axis=alt.Axis(tickCount=8)
    )
    y = alt.Y("distortion:Q", title="distortion, nats", scale=alt.Scale(zero=False, nice=False, padding=14))
    line = (
        alt.Chart(rows([{"rate": rate, "distortion": distortion} for rate, distortion in hull]))
        .mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1.4)
        .encode(x=x, y=y)
    )
    # A dot is not a part of a name here, while in a field of Vega it would be.
    tooltip = [alt.Tooltip(f"{escape(key)}:N", title=key) for key in ("run", *comparison.keys)]
    numbers = [alt.Tooltip("rate:Q", format=".4f"), alt.Tooltip("distortion:Q", format=".4f")]
    dots = (
        alt.Chart(rows(points))
        .mark_point(filled=True, size=70, opacity=0.9)
        .encode(x=x, y=y, color=colour(comparison, points), tooltip=[*tooltip, *numbers])
    )
    return as_spec(alt.layer(line, dots).properties(height=HEIGHT, width="container"))


def colour(comparison: Comparison, points: list[dict[str, Any]]) -> Any:
    """The colour of a point: by the first setting that varies, if there is one and its values can be told apart."""
    if not comparison.variant_keys:
        return alt.value(SERIES[0])
    key = comparison.variant_keys[0]
    values = [as_number(row[key]) for row in points]
    numbers = [value for value in values if value is not None]
    if len(numbers) == len(values):
        for row, value in zip(points, numbers, strict=True):
            row["setting"] = value
        logarithmic = min(numbers) > 0 and max(numbers) / min(numbers) >= LOGARITHMIC
        scale = alt.Scale(type="log" if logarithmic else "linear", scheme=SCHEME)
        return alt.Color("setting:Q", title=key, scale=scale, legend=alt.Legend(format="~g"))
    if len({row[key] for row in points}) <= MAX_COLOURS:
        return alt.Color(f"{escape(key)}:N", title=key)
    return alt.value(INK)


def escape(field: str) -> str:
    """The name of a field, in whose shorthand dots, brackets and colons have a meaning."""
    return "".join(f"\\{letter}" if letter in ".[]:\\" else letter for letter in field)
