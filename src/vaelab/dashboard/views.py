"""The sections as a W&B workspace and as a W&B report."""

from collections.abc import Sequence
from typing import Any

import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces

from vaelab.dashboard.sections import Curve, Panel, Picture, Plane, Section

COLUMNS = 3
WIDTH, HEIGHT = 8, 6  # of a panel in a report, whose rows have 24 columns
PINNED = ("summary:val/elbo.max", "summary:val/rate", "summary:val/distortion.last", "config:seed.value")


def build_workspace(sections: Sequence[Section], entity: str, project: str, title: str) -> workspaces.Workspace:
    """A workspace with a section for each of ours; W&B adds the panels of other metrics."""
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=title,
        sections=[
            workspaces.Section(
                name=section.name,
                panels=[panel_of(panel) for panel in section.panels],
                is_open=section.shown == "open",
                layout_settings=workspaces.SectionLayoutSettings(
                    columns=COLUMNS, rows=-(-len(section.panels) // COLUMNS)
                ),
            )
            for section in sections
        ],
        settings=workspaces.WorkspaceSettings(x_axis="trainer/global_step", group_by_prefix="first"),
        runset_settings=workspaces.RunsetSettings(pinned_columns=list(PINNED)),
    )


def build_report(sections: Sequence[Section], entity: str, project: str, title: str) -> reports.Report:
    """A report with a heading and a grid for each section, over all runs of the project."""
    blocks: list[Any] = [reports.TableOfContents()]
    for section in sections:
        panels = [panel_of(panel, place(number)) for number, panel in enumerate(section.panels)]
        runs = reports.Runset(name="runs")  # of the report's own project, which is not looked up
        blocks += [reports.H2(text=section.name), reports.PanelGrid(runsets=[runs], panels=panels)]
    return reports.Report(
        entity=entity,
        project=project,
        title=title,
        description=f"Variational autoencoders of project {project}; rates and distortions in nats per example.",
        blocks=blocks,
        width="fluid",
    )


def place(number: int) -> reports.Layout:
    """Where a grid shows its panel of a number."""
    row, column = divmod(number, COLUMNS)
    return reports.Layout(x=column * WIDTH, y=row * HEIGHT, w=WIDTH, h=HEIGHT)


def panel_of(panel: Panel, layout: reports.Layout | None = None) -> Any:
    """A panel of W&B."""
    layout = layout or reports.Layout()
    match panel:
        case Curve():
            return reports.LinePlot(
                title=", ".join(filter(None, [panel.title, panel.unit])),
                x=panel.over,
                y=list(panel.keys),
                metric_regex=panel.regex or None,
                plot_type="stacked-area" if panel.stacked else None,
                log_y=panel.log or None,
                title_y=panel.unit or None,
                title_x="training step" if panel.over == "trainer/global_step" else panel.over,
                layout=layout,
            )
        case Plane():
            x, y = (reports.SummaryMetric(key) for key in (panel.x, panel.y))
            return reports.ScatterPlot(title=f"{panel.title}, {panel.unit}", x=x, y=y, layout=layout)
        case Picture():
            return reports.MediaBrowser(
                title=panel.title, media_keys=[panel.key], num_columns=1, gallery_axis="step", layout=layout
            )
        case _:
            return reports.WeavePanelSummaryTable(table_name=panel.key, layout=layout)
