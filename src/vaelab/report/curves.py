"""Charts of what a run logged over its steps: metrics.csv."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from vaelab.report.chart import HEIGHT, as_spec, rows

FIRST = ("elbo", "bound", "rate", "distortion", "loss")  # topics that come first
SPLITS = ("val", "train")
RATE = re.compile(r"val/kl/(\d+)")
MAX_POINTS = 1000  # of one series: more cannot be told apart on a screen
MAX_COLUMNS = 100  # of a heat map
Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Panel:
    """One chart of curves: its topic, and its spec."""

    title: str
    spec: dict[str, Any]


def series_of(metrics: Sequence[Mapping[str, str]]) -> dict[str, Points]:
    """The finite values of each column of metrics.csv with their steps; test results are left out."""
    found: dict[str, Points] = {}
    for row in metrics:
        for name, text in row.items():
            if text and "/" in name and not name.startswith("test/"):
                value = _number(text)
                if math.isfinite(value):
                    found.setdefault(name, []).append((int(row["step"]), value))
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def panels(series: Mapping[str, Points]) -> list[Panel]:
    """A chart for each topic, in which the training and the validation split share axes."""
    topics: dict[str, dict[str, Points]] = {}
    for name, points in series.items():
        split, _, topic = name.partition("/")
        if RATE.fullmatch(name) is None and len(points) > 1:
            topics.setdefault(topic if split in SPLITS else name, {})[split] = points
    return [Panel(topic, curve(topics[topic])) for topic in sorted(topics, key=_place)]


def _place(topic: str) -> tuple[int, str]:
    return FIRST.index(topic) if topic in FIRST else len(FIRST), topic


def curve(splits: Mapping[str, Points]) -> dict[str, Any]:
    """Values over steps, a line for each split."""
    values = [
        {"step": step, "value": value, "split": split}
        for split, points in splits.items()
        for step, value in thin(points, MAX_POINTS)
    ]
    # One colour for one split, in every panel.
    color = alt.Color("split:N", title=None, scale=alt.Scale(domain=[*SPLITS, *sorted({*splits} - {*SPLITS})]))
    legend = alt.Legend(orient="top", values=list(splits)) if len(splits) > 1 else None
    chart = (
        alt.Chart(rows(values), height=HEIGHT, width="container")
        .mark_line(point=len(values) < 30)
        .encode(
            x=alt.X("step:Q", title="step", axis=alt.Axis(tickCount=5, format="~s")),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
            color=color.legend(legend),
            tooltip=[alt.Tooltip("split:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q", format=".5g")],
        )
    )
    positive = all(value > 0 for points in splits.values() for _, value in points)
    return as_spec(chart, x="symlog", y="log" if positive else "symlog")


def rate_heat_map(series: Mapping[str, Points]) -> dict[str, Any] | None:
    """KL(q || p) of each latent dimension or level over the steps, in nats; None if it was not logged."""
    groups = {int(found[1]): points for name, points in series.items() if (found := RATE.fullmatch(name))}
    if not groups:
        return None
    values = [
        {"step": step, "group": group, "nats": round(value, 5)}
        for group, points in sorted(groups.items())
        for step, value in thin(points, MAX_COLUMNS)
    ]
    chart = (
        alt.Chart(rows(values), height=max(60, min(420, 22 * len(groups))), width="container")
        .mark_rect()
        .encode(
            x=alt.X("step:O", title="step", axis=alt.Axis(labelOverlap=True, labelAngle=0, ticks=False)),
            y=alt.Y("group:O", title="dimension or level", axis=alt.Axis(labelOverlap=True, ticks=False)),
            color=alt.Color("nats:Q", title="nats", scale=alt.Scale(scheme="viridis", domainMin=0)),
            tooltip=[alt.Tooltip("group:O"), alt.Tooltip("step:Q"), alt.Tooltip("nats:Q", format=".4f")],
        )
    )
    return as_spec(chart)


def thin(points: Points, num: int) -> Points:
    """Every n-th point, such that at most `num` remain; the last is among them."""
    stride = -(-len(points) // num)
    return points[::-1][::stride][::-1]
