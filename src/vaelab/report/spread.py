"""Figures of variants: mean, and their spread over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import altair as alt

from vaelab.report.chart import HEIGHT, INK, MUTED, SERIES, as_spec, rows
from vaelab.report.comparison import Comparison, as_number
from vaelab.report.number import format_number
from vaelab.storage.variants import standard_error

LOGARITHMIC = 8  # from this ratio of the largest to the smallest setting on, an axis is logarithmic
MAX_VARIANTS = 40  # of a chart


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation and standard error over runs; the last two are None for one run."""

    num: int
    mean: float
    deviation: float | None
    error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        if not values:
            return None
        deviation = stdev(values) if len(values) > 1 else None
        return cls(len(values), mean(values), deviation, standard_error(values))

    @property
    def text(self) -> str:
        """`mean ± standard deviation`."""
        width = "" if self.deviation is None else f" ± {format_number(self.deviation, 3)}"
        return format_number(self.mean) + width


def spread_chart(comparison: Comparison, figure: str) -> dict[str, Any] | None:
    """Each run as a point, and the mean of each variant with its standard error; None if no run has the figure."""
    variants = [variant for variant in comparison.variants if variant.values(figure)][:MAX_VARIANTS]
    if not variants:
        return None
    settings = [as_number(variant.settings[0]) if len(comparison.variant_keys) == 1 else None for variant in variants]
    along = all(value is not None for value in settings)
    points, means = [], []
    for setting, variant in zip(settings, variants, strict=True):
        place, values = setting if along else comparison.label(variant), variant.values(figure)
        points += [{"place": place, "value": value} for value in values]
        means.append(mean_row(place, Spread.of(values)))
    return as_spec(along_setting(comparison, points, means) if along else by_name(points, means))


def mean_row(place: Any, spread: Spread | None) -> dict[str, Any]:
    assert spread is not None
    error = spread.error or 0.0
    found = {"place": place, "mean": spread.mean, "low": spread.mean - error, "high": spread.mean + error}
    return found | {"text": spread.text, "runs": spread.num}


def along_setting(comparison: Comparison, points: list[dict[str, Any]], means: list[dict[str, Any]]) -> Any:
    """A figure as a function of the one setting that varies, a number."""
    places = [row["place"] for row in means]
    logarithmic = min(places) > 0 and max(places) / min(places) >= LOGARITHMIC
    scale = alt.Scale(type="log" if logarithmic else "linear", zero=False, nice=False, padding=12)
    values = sorted(set(places))
    axis = alt.Axis(values=values, format="~g", labelOverlap=True) if len(values) <= 10 else alt.Axis(format="~g")
    x = alt.X("place:Q", title=comparison.variant_keys[0], scale=scale, axis=axis)
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    tooltip = [alt.Tooltip("place:Q"), alt.Tooltip("text:N", title="mean ± sd"), alt.Tooltip("runs:Q")]
    base = alt.Chart(rows(means)).encode(x=x)
    line = base.mark_line(color=SERIES[0]).encode(y=y)
    rule = base.mark_rule(color=SERIES[0], strokeWidth=1.5).encode(y="low:Q", y2="high:Q")
    dot = base.mark_point(color=SERIES[0], filled=True, size=45, opacity=1).encode(y="mean:Q", tooltip=tooltip)
    single = alt.Chart(rows(points)).mark_point(color=MUTED, size=18, opacity=0.7).encode(x=x, y="value:Q")
    return alt.layer(single, line, rule, dot).properties(height=HEIGHT, width="container")


def by_name(points: list[dict[str, Any]], means: list[dict[str, Any]]) -> Any:
    """A figure of each variant by its name."""
    order = [row["place"] for row in means]
    y = alt.Y("place:N", title=None, sort=order, axis=alt.Axis(labelLimit=150, ticks=False, domain=False))
    x = alt.X(
        "mean:Q", title=None, scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(tickCount=3, labelOverlap=True)
    )
    tooltip = [alt.Tooltip("place:N"), alt.Tooltip("text:N", title="mean ± sd"), alt.Tooltip("runs:Q")]
    base = alt.Chart(rows(means)).encode(y=y)
    rule = base.mark_rule(color=SERIES[0], strokeWidth=2).encode(x="low:Q", x2="high:Q")
    dot = base.mark_point(color=SERIES[0], filled=True, size=55, opacity=1).encode(x=x, tooltip=tooltip)
    single = alt.Chart(rows(points)).mark_point(color=INK, size=18, opacity=0.5).encode(y=y, x="value:Q")
    return alt.layer(single, rule, dot).properties(height=max(60, 22 * len(order)), width="container")
