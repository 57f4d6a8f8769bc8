"""A second stage: model=<a prior of its own> run=<a trained run>."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from vaelab.config.groups import choice_file
from vaelab.config.plugins import pop_plugins, use_plugins
from vaelab.config.run_config import load_config
from vaelab.config.text import pop_override, quote
from vaelab.errors import UserError
from vaelab.storage.run import Run

BASE = "_second_stage"  # of every conf/model/*.yaml that trains on another run
# What the weights of the first stage depend on; only the prior is chosen anew.
KEPT = ("data", "condition", "encoder", "posterior", "codebook", "decoder", "likelihood", "latent")
STORED = "first_stage"


def is_second_stage(arguments: Sequence[str]) -> bool:
    """Whether the chosen model is one that trains on another run."""
    model, _ = pop_override(arguments, "model")
    with use_plugins(pop_plugins(arguments)[0]):
        file = choice_file("model", str(model))
    return file is not None and BASE in OmegaConf.to_container(OmegaConf.load(file)).get("defaults", [])  # type: ignore


def on_first_stage(run: Run, arguments: Sequence[str]) -> list[str]:
    """Arguments that compose a new experiment around the parts that `run` was trained with.

    Raises UserError for a change to one of them.
    """
    plugins, _ = pop_plugins(arguments)
    with use_plugins(plugins):
        config = load_config(run, plugins)
    for argument in arguments:
        group = argument.partition("=")[0].lstrip("+~")
        if group in (*KEPT, "latent_dim") or group.partition(".")[0] in KEPT[1:]:
            raise UserError(
                f"{argument} would change what {run.folder} was trained with; a second stage chooses the prior only"
            )
    kept = [group for group in KEPT if config.get(group) is not None]
    for group in kept:
        ConfigStore.instance().store(group=group, name=STORED, node=config[group])
    named = any(argument.startswith("name=") for argument in arguments)
    name = [] if named else [f"name='${{hydra:runtime.choices.model}}-{config.choices.data}'"]
    sizes = [f"latent_dim={config.latent_dim}", f"run={quote(str(run.folder))}"]
    return [*name, *sizes, *(f"{group}={STORED}" for group in kept), *arguments]


def with_choices_of(run: Run, config: DictConfig) -> None:
    """Call the parts of the first stage by the names that they were chosen by."""
    chosen = load_config(run, config.plugins).choices
    config.choices.update({group: choice for group, choice in chosen.items() if group in KEPT})
