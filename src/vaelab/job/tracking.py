"""Loggers whose troubles stay their own: Weights & Biases online or offline, and a metrics.csv that only grows."""

import csv
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from vaelab.storage.metrics import rows_before

log = logging.getLogger(__name__)


def build_history(logger: CSVLogger, metrics: Path, step: int) -> None:
    """Put the rows up to `step` back into metrics.csv, which Lightning's logger empties when a run goes on."""
    rows = rows_before(metrics, step)
    writer = logger.experiment
    if rows:
        writer.metrics_keys = list(rows[0])
        with metrics.open("w", newline="") as file:
            table = csv.DictWriter(file, writer.metrics_keys)
            table.writeheader()
            table.writerows(rows)


def connect(logger: WandbLogger, folder: Path) -> bool:
    """Start the W&B run: online where the user is logged in, offline otherwise or where that fails.

    Says how to look at an offline run. False where not even an offline run can be had: then training goes on
    without W&B.
    """
    if not os.environ.get("WANDB_MODE") and not logged_in():
        go_offline()
    try:
        run = logger.experiment
    except Exception as error:  # W&B raises what its network and service raise; none of it may stop a run
        log.warning("W&B: %s; going on offline", reason(error))
        go_offline()
        try:
            run = logger.experiment
        except Exception as second:  # see above
            log.warning("W&B: %s; going on without it", reason(second))
            return False
    if run.settings.mode == "offline":
        place = folder / "wandb"
        print(f"W&B is offline: look with `wandb leet {place}`, upload with `wandb sync {place}/offline-run-*`")
    elif run.url:
        print(f"W&B: {run.url}")
    run.log = forgiving(run.log)
    return True


def forgiving(log_history: Callable[..., None]) -> Callable[..., None]:
    """A function that says its first failure and does nothing from then on."""
    works = True

    def try_log(*args: Any, **kwargs: Any) -> None:
        nonlocal works
        if works:
            try:
                log_history(*args, **kwargs)
            except Exception as error:  # whatever W&B raises, the run goes on
                works = False
                log.warning("W&B: %s; going on without it", reason(error))

    return try_log


def reason(error: Exception) -> str:
    """The first line of what W&B says, or the name of the error where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def logged_in() -> bool:
    """Whether wandb finds an API key, without asking for one."""
    return bool(wandb.login(prompt=False, verify=False))


def go_offline() -> None:
    """Let W&B read its settings anew, with the mode that it is told."""
    os.environ["WANDB_MODE"] = "offline"
    wandb.teardown()


def disconnect(loggers: list[Logger], status: int) -> None:
    """End the W&B run, so that the next job of a multirun starts its own."""
    if any(isinstance(logger, WandbLogger) for logger in loggers):
        try:
            wandb.finish(exit_code=status)
        except Exception as error:  # see `forgiving`
            log.warning("W&B: %s; what it had not stored is in metrics.csv only", reason(error))
            with suppress(Exception):
                wandb.teardown()
