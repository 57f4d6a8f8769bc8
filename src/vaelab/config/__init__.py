"""From a composed config to what it describes: `check` it, then `build` its nodes."""

from vaelab.config.build import build
from vaelab.config.check import check, check_nodes
from vaelab.config.choices import LISTED
from vaelab.config.sweep import register

__all__ = ["LISTED", "build", "check", "check_nodes"]

register()  # for whoever composes conf/
