"""Builds data, model and trainer from a checked config."""

import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback, RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from vaelab.config import build
from vaelab.config.unintended import TRAINING, log_unintended
from vaelab.data.auto_values import write_auto_values
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.jobs.checkpoint_io import AtomicCheckpointIO
from vaelab.jobs.compatibility import check_compatibility
from vaelab.jobs.error_messages import first_sentence
from vaelab.jobs.memory import keep_freed_memory
from vaelab.jobs.precision import precision, set_default_dtype
from vaelab.model.manual_optimization import UsesManualOptimization
from vaelab.model.vae import DATA, VAE
from vaelab.printing import in_notebook
from vaelab.storage.checkpoint import load_checkpoint
from vaelab.storage.run import Run

log = logging.getLogger(__name__)


@dataclass
class Experiment:
    """The parts that every command needs, built from the config of a run."""

    config: DictConfig
    data: DataModule
    model: VAE

    @classmethod
    def build(cls, config: DictConfig) -> "Experiment":
        """Build the parts. Raises UserError if they do not fit each other or the data."""
        start_process(config.seed, str(config.trainer.precision))
        data = build(config.data)
        data.prepare_data()
        write_auto_values(config.data, data)
        model = build(config.model)
        check_compatibility(config, data, model.latent)
        check_optimizer(config, model)
        rank_zero_only(log_unintended)(config, {TRAINING: len(data.split("train"))})
        return cls(config, data, model)

    @classmethod
    def build_without_data(cls, config: DictConfig) -> "Experiment":
        """Build the parts without fetching, reading or checking the data."""
        start_process(config.seed, str(config.trainer.precision))
        data = build(config.data)
        write_auto_values(config.data, data)
        return cls(config, data, build(config.model))

    def trainer(self, run: Run, callbacks: list[Callback], loggers: list[Logger]) -> pl.Trainer:
        """Lightning's Trainer with atomic checkpoints and a progress bar (in a notebook tqdm's)."""
        node = OmegaConf.create(OmegaConf.to_container(self.config.trainer, resolve=True))
        assert isinstance(node, DictConfig)
        node.precision = precision(str(node.precision), str(node.accelerator))
        node["_partial_"] = True
        construct = build(node)
        progress_bar = TQDMProgressBar if in_notebook() else RichProgressBar
        try:
            trainer: pl.Trainer = construct(
                default_root_dir=run.folder,
                callbacks=[
                    *([progress_bar(refresh_rate=50)] if node.get("enable_progress_bar", True) else []),
                    *callbacks,
                ],
                logger=loggers or False,
                plugins=[AtomicCheckpointIO(), cluster()],
                enable_checkpointing=True,
                enable_model_summary=False,
            )
        except (MisconfigurationException, ModuleNotFoundError, ValueError, TypeError) as error:
            raise UserError(f"trainer '{self.config.choices.trainer}': {first_sentence(error)}") from error
        # Lightning's own signal handlers run collectives, while other processes may be in another collective.
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
        if isinstance(self.model, UsesManualOptimization):
            self.model.manual_optimization.disable_trainer_clipping(trainer)
        return trainer

    def validate_checkpoint(self, checkpoint: Path, other_data: bool = False) -> None:
        """Raises UserError if the checkpoint is of another model, or was trained on other data.

        With `other_data`, other data are allowed, and measurements are marked.
        """
        self.validate_weights(checkpoint)
        saved = load_checkpoint(checkpoint, "meta")
        self.data.other = DATA in saved and not self.data.is_named(saved[DATA])
        name = self.config.choices.data
        if self.data.other and not other_data:
            raise UserError(
                f"{checkpoint} was trained on other examples than data '{name}' gives now; "
                "drop the overrides that change the data, or choose other data by data= or data.source.root="
            )
        if self.data.other:
            log.warning("data '%s' is not what %s was trained on; each measurement says so", name, checkpoint)

    def validate_weights(self, checkpoint: Path) -> None:
        """Raises UserError if the checkpoint's weights are not those of this model."""
        saved = load_checkpoint(checkpoint, "meta")
        there = {name: list(value.shape) for name, value in saved["state_dict"].items()}
        here = {name: list(value.shape) for name, value in self.model.state_dict().items()}
        for name in [*here, *there]:
            if there.get(name) != here.get(name):
                raise UserError(
                    f"{checkpoint} is of another model: {name} is {there.get(name, 'not')} there and "
                    f"{here.get(name, 'not')} here; drop the overrides that change the model"
                )


def start_process(seed: int, precision: str) -> None:
    """Set the global state of the process, before anything is built."""
    silence_warnings()
    keep_freed_memory()
    # Tests check the densities; validating each call would synchronise a GPU.
    torch.distributions.Distribution.set_default_validate_args(False)
    set_default_dtype(precision)
    pl.seed_everything(seed, verbose=False)


def cluster() -> ClusterEnvironment:
    """The environment of the processes: Lightning by itself would take any SLURM task for one of several."""
    several = "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1
    return TorchElasticEnvironment() if several else LightningEnvironment()


def check_optimizer(config: DictConfig, model: VAE) -> None:
    """Raises UserError if the optimizer or the scheduler rejects a value."""
    try:
        model.configure_optimizers()
    except (ValueError, TypeError) as error:
        names = f"optimizer '{config.choices.optimizer}', scheduler '{config.choices.scheduler}'"
        raise UserError(f"{names}: {first_sentence(error)}") from error


def silence_warnings() -> None:
    """Ignore Lightning's warnings about deliberate choices."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*Experiment logs directory .* exists and is not empty.*",
        ".*number of training batches.*smaller than the logging interval.*",
        ".*LeafSpec.*",
        ".*You have overridden `transfer_batch_to_device`.*",  # needed for loaders without a data module
        ".*`srun` command is available.*",  # the command has set the cluster environment
        ".*in eval mode at the start of training.*",  # a second stage trains only the prior
        ".*callbacks used to create the checkpoint need to be provided.*",  # an evaluation has none of them
        ".*when logging on epoch level in distributed setting.*",  # torchmetrics has reduced over the processes
    ):
        warnings.filterwarnings("ignore", message)
