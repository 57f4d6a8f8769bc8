"""The definition of a dashboard as JSON, in the library's own form."""

import json

import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces


def definition(workspace: workspaces.Workspace, report: reports.Report) -> str:
    """What saving both would send to W&B."""
    views = {"workspace": workspace._to_model(), "report": report._to_model()}
    shown = {
        name: {
            "displayName": view.display_name,
            "spec": view.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        for name, view in views.items()
    }
    return json.dumps(shown, indent=2) + "\n"
