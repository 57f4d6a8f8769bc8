"""Measures a checkpoint exactly as a new process would, and saves the results."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, Checkpoint, WeightAveraging
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from vaelab.callbacks.evaluate import Evaluate
from vaelab.evaluation.record import as_json
from vaelab.jobs.callbacks import build_callbacks
from vaelab.jobs.error_messages import explain_errors
from vaelab.jobs.experiment import Experiment
from vaelab.jobs.results_table import print_results
from vaelab.model.vae import VAE
from vaelab.storage.checkpoint import load_checkpoint
from vaelab.storage.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """The checkpoint of the measurements: its name, its optimizer step, the sha256 of its file.

    `trained_steps` is the number of steps that the run had trained by then, `config` the digest of its config.
    """

    name: str
    step: int
    digest: str
    trained_steps: int
    config: str

    @classmethod
    def of(cls, run: Run, checkpoint: Path, trained_steps: int | None) -> "Measured":
        step = int(load_checkpoint(checkpoint, "meta")["global_step"])
        with checkpoint.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(checkpoint.stem, step, digest, step if trained_steps is None else trained_steps, run.config_digest)


class SaveResults(pl.Callback):
    """Writes results.json as soon as every measure has ended, before images and checks."""

    def __init__(self, evaluate: Evaluate, run: Run, into: Path, checkpoint: Path, trained_steps: int | None) -> None:
        self.evaluate = evaluate
        self.run = run
        self.into = into
        self.checkpoint = checkpoint
        self.trained_steps = trained_steps

    def on_test_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.is_global_zero:
            measured = Measured.of(self.run, self.checkpoint, self.trained_steps)
            Run(self.into).save_results(as_json(self.evaluate.records, asdict(measured)))
            self.evaluate.discard()


def measure(
    config: DictConfig,
    run: Run,
    into: Path,
    checkpoint: Path,
    *,
    trained_steps: int | None = None,
    loops: Mapping[str, Any] | None = None,
    loggers: list[Logger] | None = None,
    other_data: bool = False,
    whole: bool = False,
) -> None:
    """Write results.json, images and checks into the folder `into`, and print the measurements as a table.

    Everything is built again from the config and the checkpoint, so that training reports the same numbers as an
    evaluation of the saved run. `loops` is the state of the trainer's loops, for loggers that count steps; `other_data`
    allows other data than the run was trained on, and `whole` evaluates all examples of data without splits.
    """
    experiment = Experiment.build(config)
    experiment.validate_checkpoint(checkpoint, other_data)
    if whole and experiment.data.other and experiment.data.test_on_all():
        rank_zero_only(log.info)("data '%s' has no test split; all of it is evaluated", config.choices.data)
    evaluate, others = split_callbacks(config, run)
    save = SaveResults(evaluate, run, into, checkpoint, trained_steps)
    trainer = experiment.trainer(Run(into), [evaluate, save, *others], loggers or [])
    if loops is not None:
        trainer.fit_loop.load_state_dict(dict(loops))
    with explain_errors():
        trainer.test(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    if trainer.is_global_zero:
        print_results(evaluate.records, into)


def split_callbacks(config: DictConfig, run: Run) -> tuple[Evaluate, list[Callback]]:
    """The callback `evaluate`, or one that measures only the bound, and the other callbacks of a test.

    Callbacks that save or average weights are excluded: the checkpoint contains the weights.
    """
    callbacks = build_callbacks(config, run)
    measuring = [one for one in callbacks if isinstance(one, Evaluate)]
    bound_only = Evaluate({}, every_n_epochs=0, during_training=[], num_examples=0)
    others = [one for one in callbacks if not isinstance(one, Evaluate | Checkpoint | WeightAveraging)]
    return (measuring or [bound_only])[0], others
