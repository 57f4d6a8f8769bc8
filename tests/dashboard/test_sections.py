"""The dashboard shows what runs log, under names that say their units."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import lightning.pytorch as pl
import pytest
from commandline import SMALL, call, metrics, only_run
from wandb_workspaces.reports.v2 import Report
from wandb_workspaces.reports.v2 import internal as of_reports
from wandb_workspaces.workspaces import Workspace
from wandb_workspaces.workspaces import internal as of_workspaces

from vaelab.callbacks.capacity import Capacity
from vaelab.callbacks.free_bits import FreeBits
from vaelab.callbacks.temperature_annealing import TemperatureAnnealing
from vaelab.dashboard.definition import definition
from vaelab.dashboard.sections import SECTIONS, Checks, Curve, Picture, Plane
from vaelab.dashboard.views import build_report, build_workspace
from vaelab.data.module import DataModule
from vaelab.kl.schedule import Linear
from vaelab.model.vae import VAE

PANELS = [panel for section in SECTIONS for panel in section.panels]
GPU = {"machine/peak_gpu_memory"}


def keys() -> set[str]:
    """Every metric that a panel names."""
    curves = [panel for panel in PANELS if isinstance(panel, Curve)]
    named = {key for panel in curves for key in (*panel.keys, panel.over)}
    planes = {key for panel in PANELS if isinstance(panel, Plane) for key in (panel.x, panel.y.removesuffix(".last"))}
    return (named | planes) - {"trainer/global_step"}


def regexes() -> list[str]:
    return [panel.regex for panel in PANELS if isinstance(panel, Curve) and panel.regex]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What default runs of a VAE, a hierarchy, a codebook and an adversary log together."""
    found: set[str] = set()
    for name in ("cvae", "hvae", "vq_vae", "factor_vae"):
        folder = tmp_path_factory.mktemp(name)
        given = ("trainer=smoke", "logger=csv", "callbacks.kl_heat_map.every_n_epochs=1", "latent_dim=4")
        small = ("evaluation.sample_quality.kid_subset_size=100", "evaluation.sample_quality.num_samples=200")
        assert call(folder, "train", *SMALL, f"model={name}", *given, *small) == 0
        found |= {key for row in metrics(only_run(folder)) for key, value in row.items() if value}
        found |= {f"images/{file.stem}" for file in (only_run(folder) / "images").iterdir()}
    return found


def control(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> Iterator[str]:
    """What runs under KL control log."""
    for name, callbacks in {
        "beta_vae": (Capacity(Linear(0.0, 1.0, 9)), FreeBits(0.1, 1)),
        "gumbel_softmax_vae": (TemperatureAnnealing(Linear(1.0, 0.5, 9)),),
    }.items():
        running = trainer(*callbacks, max_steps=2, limit_val_batches=0)
        running.fit(model(f"model={name}"), digits())
        yield from running.logged_metrics


@pytest.mark.slow
def test_every_panel_shows_what_some_run_logs(
    logged: set[str],
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    every = logged | set(control(model, digits, trainer)) | {"kl/weight"}
    assert keys() - every == GPU
    assert [regex for regex in regexes() if not any(re.fullmatch(regex, key) for key in every)] == []
    pictures = {panel.key.removeprefix("test/") for panel in PANELS if isinstance(panel, Picture)}
    assert pictures <= every
    assert [panel.key for panel in PANELS if isinstance(panel, Checks)] == ["health/checks"]


def test_every_curve_has_a_metric_and_its_name_a_unit() -> None:
    for panel in PANELS:
        if isinstance(panel, Curve):
            assert bool(panel.keys) != bool(panel.regex), panel
            assert panel.unit or "norm" in panel.title, panel
    titles = [
        (section.name, panel.title, getattr(panel, "unit", "")) for section in SECTIONS for panel in section.panels
    ]
    assert len(set(titles)) == len(titles)


def test_the_file_is_what_the_library_reads() -> None:
    workspace, report = (build(SECTIONS, "us", "mine", "title") for build in (build_workspace, build_report))
    saved: dict[str, Any] = json.loads(definition(workspace, report))
    spec = of_workspaces.WorkspaceViewspec.model_validate(saved["workspace"]["spec"])
    view = of_workspaces.View(entity="us", project="mine", display_name="title", name="", id="", spec=spec)
    again = Workspace._from_model(view)
    assert [section.name for section in again.sections] == [section.name for section in SECTIONS]
    assert [len(section.panels) for section in again.sections] == [len(section.panels) for section in SECTIONS]
    assert again.settings.x_axis == "trainer/global_step"
    for ours, theirs in zip(workspace.sections, again.sections, strict=True):
        assert [one._to_model() for one in theirs.panels] == [one._to_model() for one in ours.panels]
    project = of_reports.Project(name="mine", entity_name="us")
    written = of_reports.ReportViewspec(display_name="title", project=project, spec=saved["report"]["spec"])
    read = Report._from_model(written)
    assert [type(block) for block in read.blocks] == [type(block) for block in report.blocks]
    for ours, theirs in zip(report.blocks, read.blocks, strict=True):
        if hasattr(ours, "panels"):
            assert [one._to_model() for one in theirs.panels] == [one._to_model() for one in ours.panels]


def test_panels_of_a_report_do_not_overlap() -> None:
    report = build_report(SECTIONS, "us", "mine", "title")
    for block in report.blocks:
        places = [(panel.layout.x, panel.layout.y) for panel in getattr(block, "panels", ())]
        assert len(set(places)) == len(places)
        assert all(panel.layout.x + panel.layout.w <= 24 for panel in getattr(block, "panels", ()))
