"""The arguments that compose the config of a saved run, under what is given now."""

from collections.abc import Collection, Sequence

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from vaelab.cli.appended import merge_appended, names_in
from vaelab.config import LISTED
from vaelab.config.choices import chosen
from vaelab.config.groups import is_group
from vaelab.config.plugins import pop_plugins, use_plugins
from vaelab.config.run_config import load_config
from vaelab.errors import UserError
from vaelab.storage.run import Run

KEPT = ("model", "experiment")  # each chooses parts of several groups, on which the weights depend


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
