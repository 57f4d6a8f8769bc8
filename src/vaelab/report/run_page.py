"""report.html of one run."""

from pathlib import Path
from typing import Any

from vaelab.report.curves import panels, rate_heat_map, series_of
from vaelab.report.gallery.gallery import Gallery
from vaelab.report.origin import Origin
from vaelab.report.page import NAME, write_page
from vaelab.report.results import headlines, read_results
from vaelab.report.sheet import Sheet
from vaelab.report.verdict import read_verdict
from vaelab.storage.metrics import rows_before
from vaelab.storage.run import Run


def write_run_report(run: Run, origin: Origin, gallery: Gallery) -> Path:
    """Write the page of a run out of the files of its folder and pictures of its model; return its path."""
    series = series_of(rows_before(run.metrics_file, 2**63))
    results, measured = read_results(run.folder / "results.json")
    curves, rates = panels(series), rate_heat_map(series)
    charts = {f"curve-{place}": panel.spec for place, panel in enumerate(curves)}
    content = {
        "folder": run.folder.resolve().name,
        "facts": list(origin.facts.items()),
        "verdict": read_verdict(run.folder / "health.json"),
        "headlines": headlines(results),
        "results": results,
        "measured": measured,
        "panels": curves,
        "has_rates": rates is not None,
        "gallery": gallery,
        "notes": gallery.notes,
        "origin": origin,
    }
    data = {"charts": charts | ({} if rates is None else {"rates": rates}), **pictures(gallery)}
    return write_page(run.folder / NAME, "run.html", origin.name, content, data)


def pictures(gallery: Gallery) -> dict[str, Any]:
    """The sheets of a gallery by name, and their labels, as report.js reads them."""
    sheets: dict[str, Sheet] = {}
    labels: dict[str, Any] = {}
    if gallery.reconstructions:
        sheets["reconstructions"] = gallery.reconstructions.sheet
        labels["reconstructions"] = gallery.reconstructions.labels
    if gallery.samples:
        sheets |= {f"samples-{place}": sheet for place, sheet in enumerate(gallery.samples.sheets)}
        labels |= {"classes": gallery.samples.classes, "temperatures": gallery.samples.temperatures}
    if gallery.traversals:
        sheets |= {f"traversals-{place}": sheet for place, sheet in enumerate(gallery.traversals.sheets)}
        labels |= {"values": gallery.traversals.values, "quantiles": gallery.traversals.quantiles}
    if gallery.interpolations:
        sheets["interpolations"] = gallery.interpolations.sheet
    return {"sheets": {name: sheet.as_json() for name, sheet in sheets.items()}, "labels": labels}
