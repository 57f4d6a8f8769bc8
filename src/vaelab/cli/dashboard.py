"""vaelab dashboard: the workspace and the report of a W&B project, built from code."""

from importlib.util import find_spec

from omegaconf import DictConfig

from vaelab.cli.hydra_app import application
from vaelab.cli.launch import launch
from vaelab.cli.outcome import Outcome, report_mistakes
from vaelab.cli.saved_arguments import key_of
from vaelab.errors import UserError


@report_mistakes
def main(arguments: list[str]) -> int:
    """Save them where the user is logged in, else write their definition to a file."""
    if {"-m", "--multirun"} & set(arguments):
        raise UserError("a project has one dashboard; leave out -m")
    if any(key_of(argument) == "run" for argument in arguments):
        raise UserError("a dashboard shows all runs of a project; give project= and leave out run=")
    if find_spec("wandb_workspaces") is None:
        raise UserError("vaelab dashboard needs the package wandb-workspaces: pip install 'vaelab[dashboard]'")
    return application("dashboard", dashboard, arguments)


def dashboard(config: DictConfig) -> Outcome:
    """The outcome of building the dashboard."""
    return launch("dashboard", 1, config)
