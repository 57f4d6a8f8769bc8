"""A second stage, which trains a new prior on a trained run: model=<second stage> first_stage=<run>."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from vaelab.config.groups import choice_file, choices
from vaelab.config.plugins import pop_plugins, use_plugins
from vaelab.config.run_config import load_config
from vaelab.config.text import pop_override, quote
from vaelab.errors import UserError
from vaelab.storage.run import Run

BASE = "_second_stage"  # the base of every conf/model/*.yaml that trains on another run
# The groups that the weights of the first stage depend on; a second stage chooses only the prior.
FIXED_GROUPS = ("data", "condition", "encoder", "posterior", "codebook", "decoder", "likelihood", "latent")
STORED = "first_stage"


def is_second_stage(arguments: Sequence[str]) -> bool:
    """Whether the model on the command line is a second stage."""
    model, _ = pop_override(arguments, "model")
    with use_plugins(pop_plugins(arguments)[0]):
        return model is not None and _has_base(model)


def _has_base(model: str) -> bool:
    file = choice_file("model", model)
    return file is not None and BASE in OmegaConf.to_container(OmegaConf.load(file)).get("defaults", [])  # type: ignore


def check_first_stage(arguments: Sequence[str], first_stage: str) -> None:
    """Raises UserError where `first_stage=` is given to a model that is not a second stage."""
    if not is_second_stage(arguments):
        with use_plugins(pop_plugins(arguments)[0]):
            second_stages = ", ".join(model for model in choices("model") if _has_base(model))
        raise UserError(
            f"first_stage={first_stage} is for second stages; choose one by model=... (available: {second_stages}), "
            "or leave first_stage out"
        )


def check_resumed_model(run: Run, arguments: Sequence[str]) -> None:
    """Raises UserError where `run=` is given to a second stage, unless the run is one of this model."""
    model, _ = pop_override(arguments, "model")
    plugins, _ = pop_plugins(arguments)
    with use_plugins(plugins):
        trained = load_config(run, plugins).choices.get("model")
    if trained != model:
        raise UserError(
            f"run={run.folder} resumes a run, but that run was trained with model={trained}; to train {model} on it, "
            f"give first_stage={run.folder} instead of run="
        )


def second_stage_arguments(first_stage: Run, arguments: Sequence[str]) -> list[str]:
    """Arguments that compose a new experiment around the trained parts of `first_stage`.

    Raises UserError for a change to one of these parts.
    """
    plugins, _ = pop_plugins(arguments)
    with use_plugins(plugins):
        config = load_config(first_stage, plugins)
    for argument in arguments:
        group = argument.partition("=")[0].lstrip("+~")
        if group in (*FIXED_GROUPS, "latent_dim") or group.partition(".")[0] in FIXED_GROUPS[1:]:
            raise UserError(
                f"{argument} would change what {first_stage.folder} was trained with; "
                "a second stage chooses the prior only"
            )
    fixed = [group for group in FIXED_GROUPS if config.get(group) is not None]
    for group in fixed:
        ConfigStore.instance().store(group=group, name=STORED, node=config[group])
    has_name = any(argument.startswith("name=") for argument in arguments)
    name = [] if has_name else [f"name='${{hydra:runtime.choices.model}}-{config.choices.data}'"]
    facts = [f"latent_dim={config.latent_dim}", f"first_stage={quote(str(first_stage.folder))}"]
    return [*name, *facts, *(f"{group}={STORED}" for group in fixed), *arguments]


def copy_choices(first_stage: Run, config: DictConfig) -> None:
    """Name the parts of the first stage by the choices that it was trained with."""
    before = load_config(first_stage, config.plugins).choices
    config.choices.update({group: choice for group, choice in before.items() if group in FIXED_GROUPS})
