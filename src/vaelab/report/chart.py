"""What all charts of a page share: fonts, and colours that follow the page between light and dark."""

from typing import Any

import altair as alt

HEIGHT = 200  # px
FONT = "system-ui, sans-serif"  # a name that can be measured, unlike inherit
# Colours are variables of report.css, so that a chart needs no second drawing for dark pages or for paper.
INK, MUTED, LINE = "var(--ink)", "var(--muted)", "var(--line)"
SERIES = [f"var(--series-{place})" for place in range(1, 9)]

# Of lines and points, which must be seen on white and on black: without the ends of the scheme.
SCHEME = alt.SchemeParams(name="viridis", extent=[0.2, 0.9])


def as_spec(chart: Any, **switches: Any) -> dict[str, Any]:
    """A chart of Altair as Vega-Lite, as wide as its place in the page.

    `switches` says what report.js may change in it: `y` and `x` name the logarithmic scale of an axis.
    """
    axis = {"labelColor": MUTED, "titleColor": MUTED, "gridColor": LINE, "domainColor": LINE, "tickColor": LINE}
    config = {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {**axis, "titleFontWeight": "normal", "labelFontSize": 11, "titleFontSize": 11},
        "legend": {"labelColor": INK, "titleColor": MUTED, "titleFontWeight": "normal", "labelFontSize": 11},
        "range": {"category": SERIES},
        "line": {"strokeWidth": 1.8},
        "text": {"color": INK},
    }
    spec: dict[str, Any] = chart.to_dict()
    spec.pop("$schema")  # an address, which nothing reads
    spec["config"] = config
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["usermeta"] = switches
    return spec


def rows(values: list[dict[str, Any]]) -> alt.Data:
    """The rows of a chart, inside its spec."""
    return alt.Data(values=values)
