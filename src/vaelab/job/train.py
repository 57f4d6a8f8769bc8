"""Train, then evaluate: what one process of `vaelab train` does."""

from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.evaluate import Evaluate
from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.callbacks.interruption import Interruption
from vaelab.config import build
from vaelab.job.experiment import Experiment
from vaelab.job.test import circumstances, test
from vaelab.job.tracking import build_history, connect, disconnect
from vaelab.run import Run


def train(config: DictConfig, folder: Path, checkpoint: Path | None) -> None:
    """A run from its beginning, or from a checkpoint on, to the results of its best weights."""
    run = Run(folder)
    written = config.copy()  # before anything is built, which resolves its references
    experiment = Experiment.build(config)
    if checkpoint is not None:
        experiment.expect(checkpoint)
    chosen = [build(node) for node in config.callbacks.values()]
    always = [LastCheckpoint(run.checkpoints), FiniteLoss(), Interruption(run.checkpoints)]
    for callback in chosen:
        if isinstance(callback, pl.callbacks.ModelCheckpoint):
            callback.dirpath = str(run.checkpoints)
        if isinstance(callback, Evaluate):
            callback.folder, callback.circumstances = run.unfinished, circumstances(config)
    loggers = [build_logger(node, run) for node in config.logger.values()]
    trainer = experiment.trainer(run, [*chosen, *always], loggers)
    status = 1
    try:
        if trainer.is_global_zero:
            run.save_config(written)
            loggers = start(loggers, config, run, checkpoint)
            trainer.loggers = loggers
        fit_and_test(experiment, trainer, run, checkpoint)
        status = 0
    finally:
        if trainer.is_global_zero:
            disconnect(loggers, status)


def build_logger(node: DictConfig, run: Run) -> Logger:
    """A logger that writes into the run folder, which may have been moved since the config was saved."""
    if "save_dir" in node:
        node.save_dir = str(run.folder.absolute())  # W&B writes from a process of its own
    logger: Logger = build(node)
    return logger


def start(loggers: list[Logger], config: DictConfig, run: Run, checkpoint: Path | None) -> list[Logger]:
    """The loggers that work, each knowing the config and going on where it was at the checkpoint."""
    step = torch.load(checkpoint, map_location="meta", weights_only=True)["global_step"] if checkpoint else 0
    for logger in loggers:
        if isinstance(logger, CSVLogger):
            build_history(logger, run.metrics_file, step)
    working = [one for one in loggers if not isinstance(one, WandbLogger) or connect(one, run.folder)]
    for logger in working:
        if not isinstance(logger, CSVLogger):  # config.yaml lies beside metrics.csv
            logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
    return working


def fit_and_test(experiment: Experiment, trainer: pl.Trainer, run: Run, checkpoint: Path | None) -> None:
    """Fit, evaluate the best weights on the test split, write results.json and print it."""
    trainer.fit(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True)
    trainer.strategy.barrier()
    test(experiment, trainer, run, run.checkpoint("best"))
