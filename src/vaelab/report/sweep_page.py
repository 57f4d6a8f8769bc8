"""report.html of a sweep, or of several runs."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from vaelab.errors import UserError
from vaelab.report.comparison import Comparison, Variant
from vaelab.report.direction import more_is_better
from vaelab.report.importance import importance_chart, importances
from vaelab.report.page import NAME, write_page
from vaelab.report.parallel_coordinates import parallel_chart
from vaelab.report.pareto import pareto_chart, pareto_front
from vaelab.report.rate_distortion import rate_distortion_chart
from vaelab.report.spread import Spread, spread_chart
from vaelab.report.thumbnail import thumbnail
from vaelab.storage.status import FINISHED
from vaelab.storage.summary import Summary, summaries, summarize

SAMPLES = Path("images") / "sample_grid.png"
MAX_THUMBNAILS = 24
MAX_IMPORTANCES = 3  # figures for which the importance of settings is shown


class Row(NamedTuple):
    """A run in the table: its name, the page it leads to, its settings, state and figures."""

    name: str
    link: str
    settings: list[str]
    state: str
    sentence: str
    figures: list[float | None]
    on_front: bool


class Thumbnail(NamedTuple):
    """Samples of a variant."""

    title: str
    source: str
    link: str


class Importance(NamedTuple):
    """The importance of settings for a figure: the name of a chart, or why there is none."""

    figure: str
    chart: str
    reason: str


def write_sweep_report(folder: Path, objectives: Sequence[str] = ()) -> Path:
    """Write report.html into the folder of a sweep, out of the files of its runs; return its path.

    Raises:
        UserError: there is no run in it, or an objective is none of their figures.
    """
    found = summaries(folder)
    if not found:
        raise UserError(f"{folder} holds no run; give the folder of a sweep")
    return write(found, folder, f"Sweep {folder.resolve().name}", objectives)


def write_comparison(folders: Iterable[Path], into: Path, objectives: Sequence[str] = ()) -> Path:
    """Write one page of several runs into a folder; return its path.

    Raises:
        UserError: an objective is none of their figures.
    """
    found = [summarize(folder) for folder in folders]
    return write(found, into, f"{len(found)} runs", objectives)


def write(runs: Sequence[Summary], into: Path, title: str, objectives: Sequence[str]) -> Path:
    """The page of several runs."""
    comparison = Comparison(runs, into, objectives)
    for name in objectives:
        if name not in comparison.figures:
            known = ", ".join(comparison.figures) or "none yet"
            raise UserError(f"objectives=[{name}] is not a figure of these runs; choose of {known}")
    charts = charts_of(comparison)
    front = pareto_front(runs, comparison.ranked_by) if len(comparison.ranked_by) > 1 else []
    add(charts, "pareto", pareto_chart(comparison, front))
    content = {
        "comparison": comparison,
        "states": Counter(run.state for run in runs).most_common(),
        "best": best(comparison),
        "rows": [row_of(comparison, run, front) for run in runs],
        "spreads": [(comparison.label(variant), spreads_of(comparison, variant)) for variant in comparison.variants],
        "several": any(len(variant.runs) > 1 for variant in comparison.variants),
        "importances": [importance_of(comparison, name, charts) for name in importance_figures(comparison)],
        "thumbnails": thumbnails(comparison),
        "more_is_better": more_is_better,
        "charts": charts,
        "has_front": len(comparison.ranked_by) > 1,
    }
    return write_page(into / NAME, "sweep.html", title, content, {"charts": charts, "sheets": {}, "labels": {}})


def charts_of(comparison: Comparison) -> dict[str, Any]:
    """The charts that need no more than the runs' own figures."""
    charts: dict[str, Any] = {}
    add(charts, "plane", rate_distortion_chart(comparison))
    add(charts, "parallel", parallel_chart(comparison) if comparison.keys else None)
    if len(comparison.variants) > 1:
        for place, figure in enumerate(comparison.headlines):
            add(charts, f"spread-{place}", spread_chart(comparison, figure))
    return charts


def add(charts: dict[str, Any], name: str, spec: dict[str, Any] | None) -> None:
    if spec is not None:
        charts[name] = spec


def best(comparison: Comparison) -> tuple[str, Summary, str] | None:
    """The first objective, the finished run that has the best of it, and the page of that run."""
    for figure in comparison.ranked_by[:1]:
        sign = 1.0 if more_is_better(figure) else -1.0
        having = [run for run in comparison.finished if figure in run.figures]
        if having:
            run = max(having, key=lambda one: sign * one.figures[figure])
            return figure, run, link_to(comparison, run)
    return None


def row_of(comparison: Comparison, run: Summary, front: Sequence[Summary]) -> Row:
    return Row(
        name=comparison.name(run),
        link=link_to(comparison, run),
        settings=[comparison.setting(run, key) for key in comparison.keys],
        state=run.state,
        sentence="" if run.state == FINISHED else run.sentence,
        figures=[run.figures.get(name) for name in comparison.headlines],
        on_front=run in front,
    )


def link_to(comparison: Comparison, run: Summary) -> str:
    """The relative address of a run's page, or of its folder if it has none."""
    page = run.run.folder / NAME
    target = page if page.is_file() else run.run.folder
    return quote(os.path.relpath(target.resolve(), comparison.folder.resolve()))


def spreads_of(comparison: Comparison, variant: Variant) -> list[Spread | None]:
    return [Spread.of(variant.values(name)) for name in comparison.headlines]


def importance_figures(comparison: Comparison) -> list[str]:
    """The figures for which the importance of settings is computed; none unless two settings vary."""
    return comparison.headlines[:MAX_IMPORTANCES] if comparison.keys else []


def importance_of(comparison: Comparison, figure: str, charts: dict[str, Any]) -> Importance:
    """The importance of settings for a figure; its chart is added to `charts`."""
    try:
        shares = importances(comparison, figure)
    except UserError as error:
        return Importance(figure, "", str(error))
    name = f"importance-{figure}"
    charts[name] = importance_chart(shares)
    return Importance(figure, name, "")


def thumbnails(comparison: Comparison) -> list[Thumbnail]:
    """The samples of the first run of each variant that has any."""
    found: list[Thumbnail] = []
    for variant in comparison.variants:
        run = next((one for one in variant.runs if (one.run.folder / SAMPLES).is_file()), None)
        source = None if run is None else thumbnail(run.run.folder / SAMPLES)
        if run is not None and source is not None and len(found) < MAX_THUMBNAILS:
            found.append(Thumbnail(comparison.label(variant), source, link_to(comparison, run)))
    return found
