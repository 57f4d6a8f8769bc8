"""What every command shares: a Hydra application that answers a mistake with one sentence."""

import gc
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab.cli.appended import check_appended, merge_appended, names_in
from vaelab.cli.hydra_errors import explain
from vaelab.cli.outcome import Outcome, print_once
from vaelab.cli.overrides import check_options, check_overrides
from vaelab.cli.ranks import from_rank_zero, is_rank_zero
from vaelab.cli.requeue import requeue
from vaelab.cli.run_folder import finish_unclaimed, release_sweep
from vaelab.config import LISTED
from vaelab.config.choices import chosen
from vaelab.config.groups import choices, groups, is_group
from vaelab.config.paths import CONF
from vaelab.config.plugins import pop_plugins, search_path, use_plugins
from vaelab.config.run_config import load_config
from vaelab.config.sweep import in_sweep
from vaelab.errors import UNUSABLE, Refused, UserError, reason
from vaelab.signals import Stopped, handle_signals
from vaelab.storage.run import Run

Task = Callable[[DictConfig], Outcome]
KEPT = ("model", "experiment")  # each chooses parts of several groups, on which the weights depend


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


def build_help(name: str) -> str:
    """The help that conf/<name>.yaml gives Hydra, filled in here: Hydra takes a second to list the groups."""
    config: Any = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    text = config.pop("hydra")["help"]
    config.pop("defaults", None)
    filled = {
        "${hydra.help.header}": text["header"],
        "${hydra.help.footer}": text.get("footer", ""),
        "$APP_CONFIG_GROUPS": list_choices(),
        "$CONFIG": OmegaConf.to_yaml(config),
    }
    help_text = str(text["template"])
    for key, value in filled.items():
        help_text = help_text.replace(key, value)
    return help_text


def list_choices() -> str:
    """One line per group: its name and its choices, those of plugins included."""
    return "".join(f"{group}: {', '.join(choices(group))}\n" for group in groups() if choices(group))


def arguments_from_run(run: Run, name: str, arguments: Sequence[str], kept: Collection[str] = KEPT) -> list[str]:
    """Arguments that compose the config which the run saved, under the overrides and the choices given now.

    Nothing of Hydra's own comes from the run. Raises UserError for a change to one of the groups that are `kept`, and
    where the saved config is damaged or not to be trusted.
    """
    if {"-m", "--multirun"} & set(arguments):
        raise UserError(f"vaelab {name} takes one run at a time; leave out -m")
    for argument in arguments:
        if argument.partition("=")[2].lstrip().startswith("{"):
            raise UserError(f"{argument} would be mixed with what the run saved; give each of its keys by itself")
    named, arguments = pop_plugins(arguments)
    with use_plugins(named):
        return overrides_from_run(run, name, arguments, kept, named)


def overrides_from_run(
    run: Run, name: str, arguments: Sequence[str], kept: Collection[str], plugins: Sequence[str]
) -> list[str]:
    """The same, while `plugins` are used."""
    arguments = merge_appended(arguments)
    config, overrides = load_config(run, plugins, [key_of(one) for one in arguments if "=" in one]), []
    config.plugins = list(plugins)
    for argument in arguments:
        group, _, choice = argument.partition("=")
        if key_of(argument).partition(".")[0] in kept:
            raise UserError(
                f"{argument} would change the {key_of(argument).partition('.')[0]}, which a run keeps; start a new run "
                f"with it, from these weights by init_from={run.folder}"
            )
        if argument.startswith("~") and config.get(key_of(argument)) and key_of(argument) not in LISTED:
            raise UserError(
                f"{argument} would leave out the {key_of(argument)} that {run.folder} was trained with; give another "
                f"as {key_of(argument)}=..., or leave {argument} out"
            )
        if group in config and is_group(group):
            # What stood there goes: merged into the new choice it would leave the old one's keys behind.
            config[group] = {}
            config.choices[group] = names_in(argument) if group in LISTED else choice
            argument = f"+{argument}"
        elif argument.startswith("+") and key_of(argument) in LISTED:
            append_choices(config, argument, run)
        overrides.append(argument)
    ConfigStore.instance().store(name="saved", node=config)
    ours = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=stdout", f"hydra.job.name={name}"]
    named = [f"plugins=[{','.join(plugins)}]"] if plugins else []
    return ["--config-name", "saved", *overrides, *named, *ours]


def append_choices(config: DictConfig, argument: str, run: Run) -> None:
    """Record `+<group>=<choice>` among the choices of a saved config. Raises UserError for what the run has."""
    group, names = key_of(argument), names_in(argument)
    for name in names:
        if name in (config.get(group) or {}):
            raise UserError(f"{argument}: {run.folder} has {group} '{name}' already; leave it out")
    config.choices[group] = [*chosen(group, config), *names]


def key_of(argument: str) -> str:
    """The key that an override sets, adds or deletes."""
    return argument.partition("=")[0].lstrip("+~").partition("@")[0]


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Inside, what rank 0 logs also goes to the end of a file, as Hydra does it in folders of its own."""
    if not is_rank_zero():
        yield
        return
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
