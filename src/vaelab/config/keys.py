"""What each command reads of a config: the keys that belong to no part, and the kinds of the parts themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from pathlib import PurePath
from typing import Annotated, Any

import lightning.pytorch as pl
from annotated_types import MinLen
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from vaelab.config.arguments import parameters
from vaelab.config.call import mistakes_of_values
from vaelab.config.choices import LISTED, Choices, add_file
from vaelab.config.groups import groups
from vaelab.config.interpolation import REFERENCE
from vaelab.config.locate import find_module
from vaelab.config.mistake import Mistake
from vaelab.config.plain import paths, texts
from vaelab.config.unintended import value_at
from vaelab.config.wording import show
from vaelab.errors import UserError, did_you_mean
from vaelab.evaluation.measure import Measure
from vaelab.ranges import PositiveFloat, PositiveInt, Seed, Width


@dataclass
class Training:
    """conf/train.yaml; its other keys are groups, which these refer to."""

    data: pl.LightningDataModule
    model: pl.LightningModule
    trainer: pl.Trainer
    seed: Seed
    latent_dim: Width
    name: Annotated[str, MinLen(1)]
    sweep_name: Annotated[str, MinLen(1)]
    project: Annotated[str, MinLen(1)]
    group: str
    tags: Sequence[Any]  # what W&B refuses of them costs the tag, not the run
    callbacks: Mapping[str, pl.Callback] = field(default_factory=dict)
    evaluation: Mapping[str, Measure] = field(default_factory=dict)
    logger: Mapping[str, Logger] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    first_stage: str | None = None
    plugins: Sequence[str] = ()
    overwrite: bool = False
    init_from: str | None = None


@dataclass
class Doctor(Training):
    """conf/doctor.yaml: a training, and the thresholds of the checklist."""

    doctor: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Sampling:
    """conf/sample.yaml."""

    run: str
    ckpt: str
    num_samples: PositiveInt
    y: int | str | Annotated[Sequence[int | str], MinLen(1)]
    temperature: PositiveFloat | Annotated[Sequence[PositiveFloat], MinLen(1)]
    seed: Seed
    plugins: Sequence[str] = ()


READ = {"train": Training, "doctor": Doctor, "sample": Sampling}
WANTED = ("accelerator", "devices", "max_epochs", "precision")  # of the trainer, which commands read
# Arguments of Lightning's Trainer that a command gives it, over any in the config.
SET_BY_COMMANDS = {
    "trainer.callbacks": "choose callbacks=[...]",
    "trainer.logger": "choose logger=[...], or logger=[] for none",
    "trainer.plugins": "leave it out",
    "trainer.default_root_dir": "set hydra.run.dir=...",
    "trainer.enable_checkpointing": "leave it out",
    "trainer.enable_model_summary": "leave it out",
}


def mistakes_of_keys(config: DictConfig, command: str, choices: Choices) -> Iterator[str | Mistake]:
    """Top-level keys that the command does not read, does not find, or cannot use."""
    read = {one.name: one for one in parameters(READ[command]) or ()}
    chosen = {*choices, *LISTED, *groups(), "hydra"}
    plain = OmegaConf.to_container(config, resolve=False)
    used = {key.partition(".")[0] for _, text in texts(plain) for key in REFERENCE.findall(text)}
    for key in map(str, config):
        if key not in {*read, *chosen, *used}:
            yield f"nothing reads the key '{key}'" + suggest_place(key, list(paths(plain)), [*read, *chosen])
    for key, one in read.items():
        if one.default is Parameter.empty and key not in config:
            yield Mistake(key, f"{key} is not set; give {key}=...")
    for key in WANTED:
        if command != "sample" and OmegaConf.is_dict(config.get("trainer")) and key not in config.trainer:
            yield Mistake(f"trainer.{key}", f"trainer.{key} is not set; give trainer.{key}=...")
    for key, way_out in SET_BY_COMMANDS.items():
        if OmegaConf.select(config, key, throw_on_resolution_failure=False) is not None and command != "sample":
            yield Mistake(key, f"{key} is set by vaelab itself; {way_out}")
    yield from outside_outputs(config)
    yield from missing_plugins(config)
    annotations = {key: one.annotation for key, one in read.items() if key in config}
    yield from (add_file(mistake, choices) for mistake in mistakes_of_values(config, annotations))


def outside_outputs(config: DictConfig) -> Iterator[Mistake]:
    """Names of folders that would lead out of the one for all runs."""
    for key in ("name", "sweep_name"):
        name = value_at(config, key)
        if isinstance(name, str) and ".." in PurePath(name).parts:
            yield Mistake(key, f"{key}={name} leads out of outputs/; give a name without '..'")


def missing_plugins(config: DictConfig) -> Iterator[Mistake]:
    """Packages that nobody could import, whose classes a saved run could never name."""
    plugins = value_at(config, "plugins")
    for name in plugins if OmegaConf.is_list(plugins) else ():
        try:
            find_module(str(name).partition(".")[0])
        except (UserError, ValueError) as error:  # ValueError: the name is empty
            reason = error if isinstance(error, UserError) else "a package needs a name"
            yield Mistake("plugins", f"plugins={show(list(plugins))}: {reason}")


def suggest_place(key: str, existing: list[str], others: list[str]) -> str:
    """The end of a sentence that suggests where a key belongs."""
    same = [path for path in existing if path.rpartition(".")[2] == key != path]
    return f"; did you mean '{same[0]}'?" if same else did_you_mean(key, others) or "; leave it out"
