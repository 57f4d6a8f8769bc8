"""The runs that no other run beats in every objective."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from vaelab.report.chart import MUTED, SERIES, as_spec, rows
from vaelab.report.comparison import Comparison
from vaelab.report.direction import more_is_better
from vaelab.report.rate_distortion import HEIGHT, escape
from vaelab.storage.summary import Summary

ON_FRONT, BEATEN = "on the front", "beaten"
FRONT_COLOURS = [SERIES[1], SERIES[4]]


def pareto_front(runs: Sequence[Summary], objectives: Sequence[str]) -> list[Summary]:
    """The runs of which no other is at least as good in all objectives and better in one."""
    signs = [-1.0 if more_is_better(name) else 1.0 for name in objectives]
    scored = [
        (tuple(sign * run.figures[name] for sign, name in zip(signs, objectives, strict=True)), run)
        for run in runs
        if all(name in run.figures for name in objectives)
    ]
    return [run for cost, run in scored if not any(dominates(other, cost) for other, _ in scored)]


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether costs are nowhere higher than others, and somewhere lower."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def pareto_chart(comparison: Comparison, front: Sequence[Summary]) -> dict[str, Any] | None:
    """The runs in the plane of the first two objectives, with the front; None for fewer than two objectives."""
    if len(comparison.ranked_by) < 2:
        return None
    first, second = comparison.ranked_by[:2]
    points: list[dict[str, Any]] = [
        {"x": run.figures[first], "y": run.figures[second], "run": comparison.name(run)}
        | {"front": ON_FRONT if run in front else BEATEN}
        | {key: comparison.setting(run, key) for key in comparison.keys}
        for run in comparison.runs
        if first in run.figures and second in run.figures
    ]
    x = alt.X("x:Q", title=titled(first), scale=alt.Scale(zero=False, padding=14))
    y = alt.Y("y:Q", title=titled(second), scale=alt.Scale(zero=False, padding=14))
    tooltip = [alt.Tooltip(f"{escape(key)}:N", title=key) for key in ("run", *comparison.keys)]
    scale = alt.Scale(domain=[ON_FRONT, BEATEN], range=FRONT_COLOURS)
    color = alt.Color("front:N", title=None, legend=alt.Legend(orient="top"), scale=scale)
    dots = alt.Chart(rows(points)).mark_point(filled=True, size=70, opacity=0.9)
    layers = [dots.encode(x=x, y=y, color=color, tooltip=tooltip)]
    if len(comparison.ranked_by) == 2:  # of more, the front is no line in this plane
        ends = sorted((row for row in points if row["front"] == ON_FRONT), key=lambda row: row["x"])
        line = alt.Chart(rows(ends)).mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1.4)
        layers.insert(0, line.encode(x=x, y=y))
    return as_spec(alt.layer(*layers).properties(height=HEIGHT, width="container"))


def titled(figure: str) -> str:
    """A figure with what is better."""
    return f"{figure} ({'more' if more_is_better(figure) else 'less'} is better)"
