"""What every command shares: a Hydra application that answers a mistake with one sentence."""

import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import chdir
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from vaelab.cli.appended import check_appended, merge_appended
from vaelab.cli.help_text import build_help
from vaelab.cli.hydra_errors import explain
from vaelab.cli.outcome import Outcome, print_once
from vaelab.cli.overrides import check_options, check_overrides
from vaelab.cli.ranks import from_rank_zero
from vaelab.cli.requeue import requeue
from vaelab.cli.run_folder import finish_unclaimed
from vaelab.cli.sweep_folder import release_sweep
from vaelab.config import LISTED
from vaelab.config.choices import chosen
from vaelab.config.paths import CONF
from vaelab.config.plugins import pop_plugins, search_path, use_plugins
from vaelab.config.sweep import in_sweep
from vaelab.errors import UNUSABLE, Refused, UserError, reason
from vaelab.signals import Stopped, handle_signals

Task = Callable[[DictConfig], Outcome]


class Failed(Exception):
    """A job of a sweep failed. Raised there, so that launchers and sweepers hear of it; `sentence` has been printed."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status = status
        self.sentence = sentence


class SweepFailed(Failed):
    """Some jobs of a sweep failed; `sentence` has not been printed."""


def application(name: str, task: Task, arguments: Sequence[str]) -> int:
    """Exit status: 0, 1 for a mistake found in a job, 2 for one in the command line, 128 + n after signal n.

    The config is composed from conf/<name>.yaml; of several jobs of a multirun the worst status counts.
    """
    named, others = pop_plugins(arguments)
    try:
        with use_plugins(named):
            if {"--help", "-h"} & set(arguments):
                print(build_help(name))
                return 0
            given = [f"plugins=[{','.join(named)}]"] if named else []
            return hydra_application(name, task, search_path([*merge_appended(others), *given]), named)
    except UserError as error:  # about a plugin or an appended choice
        print_once([str(error)])
        return 2


def hydra_application(name: str, task: Task, arguments: Sequence[str], plugins: Sequence[str]) -> int:
    """The same of arguments without --help; `plugins` are used already, and each job uses them where it runs."""
    logging.raiseExceptions = False  # of a log file on a full disk, for each line
    os.environ["HYDRA_FULL_ERROR"] = "1"  # the errors themselves, which `explain` puts into words
    # Threads that spin for long while they wait take the processor from whatever else it has to serve.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    gc.disable()  # until a job starts: composing leaves nothing to collect, and looking costs a tenth of a second
    # Hydra's own parser takes no option between two overrides.
    sys.argv = [sys.argv[0], *sorted(arguments, key=lambda one: one not in ("-m", "--multirun"))]
    here, status, before = Path.cwd(), 0, HydraConfig.instance().cfg

    def job(config: DictConfig) -> float | None:
        nonlocal status
        with chdir(here):  # paths mean what they meant to the user, also under hydra.job.chdir=true
            ended = run_job(task, config, plugins)
        if ended.status and in_sweep():
            raise Failed(ended.status, ended.sentence)
        status = ended.status
        return ended.objective

    try:
        check_options(arguments)
        check_overrides(arguments)
        with handle_signals():
            hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()
    except Stopped as stop:
        print_once([str(stop), requeue(stop.signum)])
        return 128 + stop.signum
    except Refused as refusal:
        print_once([str(refusal)])
        return 1
    except SweepFailed as failure:
        print_once([failure.sentence])
        return failure.status
    except Failed as failure:
        return failure.status
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        print_once([sentence])
        return 2
    finally:
        finish_unclaimed()
        release_sweep()
        HydraConfig.instance().cfg = before  # of which callbacks before the first job have set one
    return status


def run_job(task: Task, config: DictConfig, plugins: Sequence[str] = ()) -> Outcome:
    """What becomes of one job, here or where a launcher takes it. Raises Stopped: no other job is wanted then."""
    with handle_signals():
        try:
            with use_plugins(plugins):
                check_plugins(config, plugins)
                ended = task(from_rank_zero(lambda: config))
        except (UserError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in UNUSABLE:
                raise
            ended = Outcome(1, reason(error))
            print_once([ended.sentence])
        if ended.status > 128:
            raise Stopped(ended.status - 128, "")
    return ended


def check_plugins(config: DictConfig, plugins: Sequence[str]) -> None:
    """Raises UserError for plugins that a yaml names, which is read too late for it."""
    for package in config.get("plugins") or ():
        if package not in plugins:
            raise UserError(f"plugins of a yaml come too late; give plugins=[{package}] on the command line")


def record_choices(config: DictConfig) -> None:
    """Write into the config which file was chosen of each group, and {} for lists of none, which Hydra leaves out.

    Raises UserError for a choice that was appended to a list which has it.
    """
    check_appended()
    with open_dict(config):
        choices = HydraConfig.get().runtime.choices
        config.choices = {str(group): choice for group, choice in choices.items() if "hydra" not in str(group)}
        for group in LISTED:
            config.setdefault(group, {})
            config.choices[group] = chosen(group, config)
