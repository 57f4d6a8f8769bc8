"""Settings and figures of several runs as parallel coordinates."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from vaelab.report.chart import INK, LINE, MUTED, SCHEME, as_spec, rows
from vaelab.report.comparison import Comparison, as_number
from vaelab.report.spread import LOGARITHMIC

HEIGHT = 280
MAX_NAMES, MAX_NUMBERS = 12, 6  # that are written at an axis


class Axis(NamedTuple):
    """One coordinate: the place of each run in [0, 1], or None, and the labels of some places."""

    name: str
    places: list[float | None]
    ticks: list[tuple[float, str]]


def parallel_chart(comparison: Comparison) -> dict[str, Any] | None:
    """A line for each run with figures, over its settings and its figures, in the colour of the objective.

    None for fewer than two axes or runs.
    """
    runs, objective = comparison.finished, comparison.ranked_by[:1]
    axes = [axis_of(short(key), [comparison.setting(run, key) for run in runs]) for key in comparison.keys]
    axes += [axis_of(short(name), [run.figures.get(name) for run in runs]) for name in comparison.headlines]
    if len(axes) < 2 or len(runs) < 2 or not objective:
        return None
    lines = [
        {"run": comparison.name(run), "axis": axis.name, "place": place, "objective": run.figures.get(objective[0])}
        for axis in axes
        for run, place in zip(runs, axis.places, strict=True)
        if place is not None
    ]
    ticks = [{"axis": axis.name, "place": place, "text": text} for axis in axes for place, text in axis.ticks]
    return as_spec(draw(lines, ticks, [axis.name for axis in axes], objective[0]))


def draw(lines: list[dict[str, Any]], ticks: list[dict[str, Any]], order: list[str], objective: str) -> Any:
    """Lines over named axes, and the labels of the axes."""
    axis = alt.Axis(orient="top", labelAngle=0, domain=False, gridColor=LINE, grid=True, ticks=False, labelLimit=110)
    x = alt.X("axis:N", sort=order, title=None, scale=alt.Scale(type="point", padding=0.35), axis=axis)
    y = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[-0.04, 1.04]))
    legend = alt.Legend(orient="bottom", direction="horizontal")
    color = alt.Color("objective:Q", title=objective, scale=alt.Scale(scheme=SCHEME), legend=legend)
    tooltip = [alt.Tooltip("run:N"), alt.Tooltip("objective:Q", title=objective, format=".5g")]
    base = alt.Chart(rows(ticks)).encode(x=x, y=y)
    layers = [
        alt.Chart(rows(lines))
        .mark_line(opacity=0.75, strokeWidth=1.6)
        .encode(x=x, y=y, detail="run:N", color=color, tooltip=tooltip),
        base.mark_point(size=12, color=MUTED, filled=True, opacity=1),
        base.mark_text(align="left", dx=5, fontSize=10.5, color=INK).encode(text="text:N"),
    ]
    return alt.layer(*layers).properties(height=HEIGHT, width="container")


def short(name: str) -> str:
    """The last part of a key, or the first of a figure's name."""
    return name.partition("/")[0].rpartition(".")[2]


def axis_of(name: str, values: Sequence[str | float | None]) -> Axis:
    """A linear or logarithmic axis of numbers, or an axis of names in the order of their first run."""
    numbers = [value if isinstance(value, float) else as_number(value or "") for value in values]
    known = [value for value in numbers if value is not None]
    if not known or any(number is None and value for number, value in zip(numbers, values, strict=True)):
        return names_axis(name, [str(value or "default") for value in values])
    low, high = min(known), max(known)
    logarithmic = low > 0 and high / low >= LOGARITHMIC
    scale = math.log if logarithmic else float
    width = scale(high) - scale(low)
    place = {one: (scale(one) - scale(low)) / width if width else 0.5 for one in known}
    shown = sorted(place) if len(place) <= MAX_NUMBERS else [low, high]
    places = [None if one is None else place[one] for one in numbers]
    return Axis(name, places, [(place[one], f"{one:.4g}".replace("-", "−")) for one in shown])


def names_axis(name: str, values: Sequence[str]) -> Axis:
    """An axis of names, evenly spaced."""
    order = list(dict.fromkeys(values))
    places = {value: place / (len(order) - 1) if len(order) > 1 else 0.5 for place, value in enumerate(order)}
    shown = order if len(order) <= MAX_NAMES else [order[0], order[-1]]
    return Axis(name, [places[value] for value in values], [(places[value], value[:24]) for value in shown])
