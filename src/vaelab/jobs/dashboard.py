"""Builds the dashboard of a W&B project: `vaelab dashboard`."""

from pathlib import Path

import wandb
from omegaconf import DictConfig
from wandb_workspaces.reports.v2 import Report
from wandb_workspaces.workspaces import Workspace

from vaelab.dashboard.definition import definition
from vaelab.dashboard.sections import SECTIONS
from vaelab.dashboard.views import build_report, build_workspace
from vaelab.errors import UserError
from vaelab.logger.connection import first_mode, reason
from vaelab.logger.naming import valid_name
from vaelab.printing import print_line
from vaelab.storage.atomic import write


def dashboard(config: DictConfig) -> None:
    """Save a workspace and a report in the project; write their definition to a file where the user is not logged in.

    Raises UserError if W&B does not take them, after writing the file.
    """
    if valid_name("project", config.project) is None:
        raise UserError(f"project={config.project} is not the name of a project; give project=<name>")
    file, online = Path(config.file), True
    try:
        online = first_mode({}) == "online"
        workspace, report = build(config, entity(config) if online else config.entity)
        if online:
            report.save()  # which also creates the project
            workspace.save()
            print_line(f"workspace: {workspace.url}")
            print_line(f"report: {report.url}")
            return
        why = "you are not logged in to W&B"
    except Exception as error:  # W&B and its network may raise anything
        why = f"W&B did not take the dashboard ({reason(error)})"
    write(file, definition(*build(config, config.entity)))
    sentence = f"{why}; its definition is in {file}, and `wandb login` and the same command save it there"
    if online:
        raise UserError(sentence)
    print_line(sentence)


def entity(config: DictConfig) -> str:
    """The user or team that owns the project: the one given, or the user's default."""
    return str(config.entity or wandb.Api(timeout=config.timeout).default_entity)


def build(config: DictConfig, owner: str) -> tuple[Workspace, Report]:
    """The workspace and the report."""
    project = valid_name("project", config.project)
    assert project is not None
    return (
        build_workspace(SECTIONS, owner, project, config.title),
        build_report(SECTIONS, owner, project, config.title),
    )
