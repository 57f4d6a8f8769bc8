"""Train, then evaluate: what one process of `vaelab train` does."""

from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.callbacks.interruption import Interruption
from vaelab.config import build
from vaelab.evaluation.record import as_json
from vaelab.job.experiment import Experiment
from vaelab.job.table import print_results
from vaelab.job.tracking import build_history, connect, disconnect
from vaelab.run import Run


def train(config: DictConfig, folder: Path, checkpoint: Path | None) -> None:
    """A run from its beginning, or from a checkpoint on, to the results of its best weights."""
    run = Run(folder)
    experiment = Experiment.build(config)
    chosen = [build(node) for node in config.callbacks.values()]
    always = [LastCheckpoint(run.checkpoints), FiniteLoss(), Interruption(run.checkpoints)]
    for callback in chosen:
        if isinstance(callback, pl.callbacks.ModelCheckpoint):
            callback.dirpath = str(run.checkpoints)
    loggers = [build(node) for node in config.logger.values()]
    trainer = experiment.trainer(run, [*chosen, *always], loggers)
    status = 1
    try:
        if trainer.is_global_zero:
            loggers = start(loggers, run, checkpoint)
            trainer.loggers = loggers
            for logger in loggers:
                logger.log_hyperparams(OmegaConf.to_container(config))  # type: ignore[arg-type]
        fit_and_test(experiment, trainer, run, checkpoint)
        status = 0
    finally:
        if trainer.is_global_zero:
            disconnect(loggers, status)


def start(loggers: list[Logger], run: Run, checkpoint: Path | None) -> list[Logger]:
    """The loggers that work, each going on where it was at the checkpoint."""
    step = torch.load(checkpoint, map_location="meta", weights_only=True)["global_step"] if checkpoint else 0
    for logger in loggers:
        if isinstance(logger, CSVLogger):
            build_history(logger, run.metrics_file, step)
    return [one for one in loggers if not isinstance(one, WandbLogger) or connect(one, run.folder)]


def fit_and_test(experiment: Experiment, trainer: pl.Trainer, run: Run, checkpoint: Path | None) -> None:
    """Fit, evaluate the best weights on the test split, write results.json and print it."""
    trainer.fit(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True)
    trainer.strategy.barrier()
    trainer.test(experiment.model, experiment.data, ckpt_path=run.checkpoint("best"), weights_only=True, verbose=False)
    if trainer.is_global_zero:
        run.save_results(as_json(experiment.model.records))
        print_results(experiment.model.records, run.folder)
