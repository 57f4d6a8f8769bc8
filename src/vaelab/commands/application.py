"""What every command shares: a Hydra application that answers a mistake with one sentence."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig

from vaelab.commands.mistakes import explain
from vaelab.commands.process import Stopped, say, stoppable
from vaelab.errors import UserError
from vaelab.paths import CONF
from vaelab.run import Run

Task = Callable[[DictConfig], int]


def application(name: str, task: Task, arguments: Sequence[str]) -> int:
    """Exit status: 0, 1 for a mistake found in a job, 2 for one in the command line, 128 + n after signal n.

    The config is composed from conf/<name>.yaml; of several jobs of a multirun the worst status counts.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # the errors themselves, which `explain` puts into words
    statuses = [0]

    def job(config: DictConfig) -> None:
        try:
            statuses.append(task(config))
        except UserError as error:
            print(error, file=sys.stderr)
            statuses.append(1)
        if statuses[-1] > 128:  # nor are the other jobs of a multirun wanted
            raise Stopped(statuses[-1] - 128)

    sys.argv = [sys.argv[0], *arguments]
    try:
        with stoppable():
            hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()
    except Stopped as stop:
        say([str(stop)] if statuses[-1] <= 128 else [])
        return 128 + stop.signum
    except Exception as error:
        sentence = explain(error, CONF)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 2
    return max(statuses)


def taken(arguments: Sequence[str], key: str) -> tuple[str | None, list[str]]:
    """The value given for `key=…`, and the other arguments."""
    prefix = f"{key}="
    values = [argument.removeprefix(prefix).strip("'\"") for argument in arguments if argument.startswith(prefix)]
    return (values[-1] if values else None), [one for one in arguments if not one.startswith(prefix)]


def with_config_of(run: Run, name: str, arguments: Sequence[str], folder: Path) -> list[str]:
    """Arguments that compose the config which the run saved, under the overrides given now.

    What the command `name` writes, its log included, goes into `folder`.
    """
    return [
        *("--config-path", str(run.folder.resolve()), "--config-name", "config", "--config-dir", str(CONF)),
        *arguments,
        f"hydra.run.dir='{folder}'",
        "hydra.output_subdir=null",
        f"hydra.job.name={name}",
    ]
