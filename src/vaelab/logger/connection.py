"""Starts a W&B run: online if the user is logged in, offline otherwise or if that fails."""

import glob
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb

from vaelab.logger.service import kill_service, time_limit

log = logging.getLogger(__name__)

MODES = ("online", "offline", "disabled", "dryrun", "run", "shared")
GRACE = 15.0  # seconds after W&B's own timeout at which it counts as hanging
STEP = "trainer/global_step"
# Besides the last value; charts and tables sort by these. W&B ignores them for names with a star.
SUMMARIES = {
    "val/elbo": "max,last",
    "val/bound": "max,last",
    "val/distortion": "min,last",
    "train/loss": "min,last",
}


def is_disabled(settings: dict[str, Any]) -> bool:
    """Whether the user disabled W&B, by WANDB_DISABLED, which W&B itself no longer reads, or by the mode `disabled`."""
    switch = os.environ.get("WANDB_DISABLED", "").strip().lower()
    return switch not in ("", "0", "false", "no", "off") or user_mode(settings) == "disabled"


def user_mode(settings: dict[str, Any]) -> str | None:
    """The mode from the user's environment or `logger.wandb.settings`, if any."""
    return os.environ.get("WANDB_MODE") or settings.get("mode")


class Connection:
    """A connection to W&B. `mode` is the mode of the current attempt, None before the first."""

    fell_back = False  # whether the first attempt has failed

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.settings: dict[str, Any] = arguments["settings"]
        self.mode: str | None = None
        self.lock = threading.Lock()

    def open(self) -> Any | None:
        """A new run, or the next session of the run with the given id; None if not even an offline run starts."""
        for find_mode, way_on in ((lambda: first_mode(self.settings), "offline"), (lambda: "offline", "without it")):
            try:
                before = set(self.folders())
                with time_limit(self.settings.get("init_timeout", 90) + GRACE):
                    self.mode = find_mode()
                    return start(self.arguments, self.mode)
            except Exception as error:  # W&B, its network or its service may raise anything
                log.warning("W&B: %s; continuing %s", reason(error), way_on)
                with self.lock:
                    kill_service()
                    self.fell_back = True
                tear_down()
                for folder in set(self.folders()) - before:
                    shutil.rmtree(folder, ignore_errors=True)  # an empty run, which W&B cannot read
        return None

    def hurry(self) -> None:
        """From another thread: end the first attempt, if it still waits. The second has a service of its own."""
        with self.lock:
            if not self.fell_back:
                kill_service()

    def folders(self) -> Iterator[Path]:
        """The folders of W&B's sessions of this run."""
        return Path(self.arguments["dir"], "wandb").glob(f"*run-*-{glob.escape(self.arguments['id'] or '')}")


def first_mode(settings: dict[str, Any]) -> str:
    """The user's mode, or online if W&B finds an API key without asking for one."""
    quieten()
    mode = user_mode(settings)
    if os.environ.get("WANDB_MODE") not in MODES:
        os.environ.pop("WANDB_MODE", None)  # W&B rejects unknown values, even an empty one
    if mode is not None and mode not in MODES:
        raise ValueError(f"there is no mode '{mode}'; set WANDB_MODE to online, offline or disabled")
    return mode or ("online" if wandb.login(prompt=False, verify=False) else "offline")


def quieten() -> None:
    """Before W&B reads its settings: no lines of its own, and no telemetry."""
    # W&B would ask its server for the user's name, only to print it; vaelab prints the run's URL.
    os.environ.setdefault("WANDB_SILENT", "true")
    # Its telemetry would delay the exit of Python by up to 30 seconds where the server does not answer.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


def start(arguments: dict[str, Any], mode: str) -> Any:
    """A run whose charts use the trainer's step as x axis, as with Lightning's logger, and with its best values."""
    run = wandb.init(**{**arguments, "mode": mode})
    for handler in logging.getLogger("wandb").handlers:
        handler.handleError = lambda record: None  # type: ignore[method-assign]  # its log is of no use to the user
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    for name, summary in SUMMARIES.items():
        run.define_metric(name, step_metric=STEP, step_sync=True, summary=summary)
    return run


def tear_down() -> None:
    """End W&B's service, even if W&B has lost its handle, and let W&B read its settings again."""
    with suppress(Exception, SystemExit):  # W&B exits if its service has failed
        wandb.teardown()
    kill_service()


def reason(error: Exception) -> str:
    """The first line of the exception's message, or its type if there is none."""
    return next(iter(str(error).splitlines()), f"no answer ({type(error).__name__})").rstrip(".")
