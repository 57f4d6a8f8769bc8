"""A W&B run: online where the user is logged in, offline otherwise and where that fails."""

import glob
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb

from vaelab.logger.service import kill_service, time_limit

log = logging.getLogger(__name__)

MODES = ("online", "offline", "disabled", "dryrun", "run", "shared")
GRACE = 15.0  # seconds beyond its own limit, after which W&B is taken to hang


def is_disabled(settings: dict[str, Any]) -> bool:
    """Whether the user wants no W&B run: WANDB_DISABLED, which W&B itself no longer reads, or the mode `disabled`."""
    switch = os.environ.get("WANDB_DISABLED", "").strip().lower()
    return switch not in ("", "0", "false", "no", "off") or user_mode(settings) == "disabled"


def user_mode(settings: dict[str, Any]) -> str | None:
    """The mode that the user's environment or `logger.wandb.settings` gives, if any."""
    return os.environ.get("WANDB_MODE") or settings.get("mode")


class Connection:
    """A way to W&B. `mode` is the one being tried, None before that."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.settings: dict[str, Any] = arguments["settings"]
        self.mode: str | None = None

    def open(self) -> Any | None:
        """A new run, or the next session of the one whose id is given; None where not even an offline one starts."""
        # W&B would ask its server for the user's name, only to print it; where the run is, vaelab says.
        os.environ.setdefault("WANDB_SILENT", "true")
        for find_mode, way_on in ((self.first_mode, "offline"), (lambda: "offline", "without it")):
            try:
                before = set(self.folders())
                with time_limit(self.settings.get("init_timeout", 90) + GRACE):
                    self.mode = find_mode()
                    return start(self.arguments, self.mode)
            except Exception as error:  # whatever W&B, its network or its service raise
                log.warning("W&B: %s; going on %s", reason(error), way_on)
                tear_down()
                for folder in set(self.folders()) - before:
                    shutil.rmtree(folder, ignore_errors=True)  # a run in which nothing is, which W&B cannot read
        return None

    def folders(self) -> Iterator[Path]:
        """The sessions that W&B has stored of this run."""
        return Path(self.arguments["dir"], "wandb").glob(f"*run-*-{glob.escape(self.arguments['id'] or '')}")

    def first_mode(self) -> str:
        """What the user has chosen, or online where W&B finds an API key, without asking for one."""
        mode = user_mode(self.settings)
        if os.environ.get("WANDB_MODE") not in MODES:
            os.environ.pop("WANDB_MODE", None)  # which W&B would refuse, an empty one too
        if mode is not None and mode not in MODES:
            raise ValueError(f"there is no mode '{mode}'; set WANDB_MODE to online, offline or disabled")
        return mode or ("online" if wandb.login(prompt=False, verify=False) else "offline")


def start(arguments: dict[str, Any], mode: str) -> Any:
    """A run whose figures are shown over the trainer's steps, as Lightning's own logger has it."""
    run = wandb.init(**{**arguments, "mode": mode})
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return run


def tear_down() -> None:
    """End W&B's service, also where W&B has lost sight of it, and let W&B read its settings anew."""
    with suppress(Exception, SystemExit):  # it exits where its service has failed
        wandb.teardown()
    kill_service()


def reason(error: Exception) -> str:
    """The first line of what W&B says, or the name of the error where it says nothing."""
    return next(iter(str(error).splitlines()), f"no answer ({type(error).__name__})").rstrip(".")
