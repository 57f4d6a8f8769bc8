"""The alert about a sweep that has finished."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaelab.logger.connection import first_mode, is_disabled
from vaelab.logger.deferred_run import DeferredRun
from vaelab.logger.naming import valid_name
from vaelab.logger.run_thread import RunThread


def alert_about_sweep(name: str, folder: Path, text: str, project: str, settings: Mapping[str, Any]) -> None:
    """Alert the user that a sweep has finished, through a small W&B run of its own in the group of the sweep.

    Nothing happens where W&B is offline or disabled; otherwise it waits as long as the end of a run does.

    Args:
        name: the sweep, which is the group of its runs.
        folder: the sweep's folder.
        text: what to say, such as how many of its jobs have finished.
        project: the W&B project of its runs.
        settings: fields of `wandb.Settings`, those of the runs.
    """
    if is_disabled(dict(settings)) or not is_online(settings):
        return
    group = valid_name("group", name)
    names = {"project": valid_name("project", project), "group": group, "name": group, "id": None}
    thread = RunThread(
        {**names, "job_type": "sweep", "settings": dict(settings), "dir": str(folder.absolute())}, folder
    )
    thread.start()
    DeferredRun(None, thread.hand_over).alert(title="sweep finished", text=f"{name}: {text}", level="INFO")
    thread.end(0)


def is_online(settings: Mapping[str, Any]) -> bool:
    try:
        return first_mode(dict(settings)) == "online"
    except Exception:  # W&B may raise anything, of which the runs have told
        return False
