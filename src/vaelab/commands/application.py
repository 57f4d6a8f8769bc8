"""What every command shares: a Hydra application that answers a mistake with one sentence."""

import gc
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from vaelab.commands.mistakes import explain
from vaelab.commands.process import Stopped, say, stoppable
from vaelab.errors import UserError
from vaelab.paths import CONF
from vaelab.run import Run

Task = Callable[[DictConfig], int]
KEPT = ("model", "experiment")  # each chooses parts of several groups, on which the weights depend


def application(name: str, task: Task, arguments: Sequence[str]) -> int:
    """Exit status: 0, 1 for a mistake found in a job, 2 for one in the command line, 128 + n after signal n.

    The config is composed from conf/<name>.yaml; of several jobs of a multirun the worst status counts.
    """
    if {"--help", "-h"} & set(arguments):
        print(help_of(name))
        return 0
    os.environ["HYDRA_FULL_ERROR"] = "1"  # the errors themselves, which `explain` puts into words
    # Threads that spin for long while they wait take the processor from whatever else it has to serve.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    gc.disable()  # until a job starts: composing leaves nothing to collect, and looking costs a tenth of a second
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


def help_of(name: str) -> str:
    """The help that conf/<name>.yaml gives Hydra, filled in here: Hydra takes a second to list the groups."""
    config: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    text = config.pop("hydra")["help"]
    config.pop("defaults", None)
    filled = {
        "${hydra.help.header}": text["header"],
        "${hydra.help.footer}": text.get("footer", ""),
        "$APP_CONFIG_GROUPS": choices(),
        "$CONFIG": OmegaConf.to_yaml(config),
    }
    help_text = str(text["template"])
    for key, value in filled.items():
        help_text = help_text.replace(key, value)
    return help_text


def choices() -> str:
    """One line per group of conf/: its name and what can be chosen."""
    lines = []
    for folder in sorted(path for path in CONF.iterdir() if path.is_dir()):
        names = sorted(path.stem for path in folder.glob("[!_]*.yaml"))
        lines += [f"{folder.name}: {', '.join(names)}\n"] if names else []
    return "".join(lines)


def taken(arguments: Sequence[str], key: str) -> tuple[str | None, list[str]]:
    """The value given for `key=…`, and the other arguments."""
    prefix = f"{key}="
    values = [argument.removeprefix(prefix).strip("'\"") for argument in arguments if argument.startswith(prefix)]
    return (values[-1] if values else None), [one for one in arguments if not one.startswith(prefix)]


def with_config_of(
    run: Run, name: str, arguments: Sequence[str], folder: Path, kept: Collection[str] = KEPT
) -> list[str]:
    """Arguments that compose the config which the run saved, under the overrides and the choices given now.

    What the command `name` writes, its log included, goes into `folder`. Raises UserError for a change to
    one of the groups that are `kept`.
    """
    config, overrides = run.load_config(), []
    for argument in arguments:
        group, _, choice = argument.partition("=")
        owner = group.lstrip("+~").partition(".")[0]
        if owner in kept:
            raise UserError(f"{argument} would change the {owner}, which a run keeps; start a new one with it")
        if group in config and (CONF / group).is_dir():
            # What stood there goes: merged into the new choice it would leave the old one's keys behind.
            config[group] = {}
            config.choices[group] = choice
            argument = f"+{argument}"
        overrides.append(argument)
    ConfigStore.instance().store(name="saved", node=config)
    place = [f"hydra.run.dir='{folder}'", "hydra.output_subdir=null", f"hydra.job.name={name}"]
    return ["--config-name", "saved", *overrides, *place]
