"""Trains, then evaluates: one process of `vaelab train`."""

from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as pl
from lightning.pytorch.loggers import CSVLogger, Logger
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.callbacks.initial_weights import InitialWeights
from vaelab.callbacks.interruption import Interruption
from vaelab.callbacks.pruning import Pruning
from vaelab.config import build
from vaelab.config.locate import locate
from vaelab.data.auto_values import write_auto_values
from vaelab.errors import Pruned, UserError
from vaelab.jobs.callbacks import build_callbacks
from vaelab.jobs.error_messages import explain_errors, first_sentence
from vaelab.jobs.experiment import Experiment
from vaelab.jobs.loggers import build_history
from vaelab.jobs.results import measure
from vaelab.logger.session import Rewindable, Session
from vaelab.signals import defer_signals, raise_if_stopped
from vaelab.storage.checkpoint import load_checkpoint
from vaelab.storage.run import Run

# What Lightning raises while it restores an incompatible state.
RESTORING = (KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError)


class Trained(NamedTuple):
    """The outcome of a training besides its files: the state of its loops, its steps, and the objective of a sweep."""

    loops: dict[str, Any]
    steps: int
    objective: float | None


def train(config: DictConfig, folder: Path, checkpoint: Path | None) -> float | None:
    """Train a run, or resume it from a checkpoint, and evaluate its best weights; return the objective of a sweep."""
    run = Run(folder)
    written = config.copy()  # before building, which resolves references
    loggers = [build_logger(node, run) for node in config.logger.values()]
    status = 1
    try:
        trained = fit(config, written, run, checkpoint, loggers)
        best = run.checkpoint("best")
        measure(written, run, run.folder, best, trained_steps=trained.steps, loops=trained.loops, loggers=loggers)
        status = 0
    except Pruned:
        status = 0
        raise
    finally:
        with defer_signals():
            for logger in loggers:
                if isinstance(logger, Session):
                    logger.end(status)
    return trained.objective


def fit(config: DictConfig, written: DictConfig, run: Run, checkpoint: Path | None, loggers: list[Logger]) -> Trained:
    """Train; return neither model nor trainer, since results are measured from the saved checkpoint."""
    experiment = Experiment.build(config)
    write_auto_values(written.data, experiment.data)
    if checkpoint is not None:
        experiment.validate_checkpoint(checkpoint)
    trainer = experiment.trainer(run, callbacks_of(config, run, checkpoint), loggers)
    if trainer.is_global_zero:
        run.save_config(written)
        start_loggers(loggers, config, run, checkpoint)
    with explain_errors(), defer_signals():
        try:
            trainer.fit(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True)
        except RESTORING as error:
            if checkpoint is None or experiment.model.loss is not None or isinstance(error, UserError):
                raise
            why = f"{type(error).__name__}: {first_sentence(error)}"
            raise UserError(f"{checkpoint} cannot be resumed ({why}); give another by ckpt=") from error
    raise_if_stopped()
    trainer.strategy.barrier()
    raise_if_pruned(trainer)
    return Trained(trainer.fit_loop.state_dict(), trainer.global_step, objective(trainer))


def raise_if_pruned(trainer: pl.Trainer) -> None:
    """Raise Pruned if the pruner of a search has ended the training."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Pruning) and callback.pruned_epochs:
            raise Pruned(callback.pruned_epochs)


def objective(trainer: pl.Trainer) -> float | None:
    """The objective of a sweep: the monitored value of the best checkpoint, by default the validation bound."""
    score = getattr(trainer.checkpoint_callback, "best_model_score", None)
    return None if score is None else float(score)


def callbacks_of(config: DictConfig, run: Run, checkpoint: Path | None) -> list[Any]:
    """The configured callbacks, and those that keep every run safe."""
    chosen = build_callbacks(config, run)
    always = [LastCheckpoint(run.checkpoints), FiniteLoss(), Interruption(run.checkpoints)]
    begins_with = {"init_from": config.get("init_from"), "first_stage": config.model.get("first_stage")}
    for key, folder in begins_with.items() if checkpoint is None else ():
        if folder:
            always.append(InitialWeights(key, Run.open(folder).checkpoint("best")))
    return [*chosen, *always]


def build_logger(node: DictConfig, run: Run) -> Logger:
    """A logger that writes into the run folder, unless its config names another folder."""
    needs_folder = "save_dir" in signature(locate(node._target_)).parameters and "save_dir" not in node
    # Absolute, since W&B writes from another process.
    logger: Logger = build(node, {"save_dir": str(run.folder.absolute())} if needs_folder else None)
    return logger


def start_loggers(loggers: list[Logger], config: DictConfig, run: Run, checkpoint: Path | None) -> None:
    """Give each logger the config, and let it continue at the checkpoint's step."""
    step = load_checkpoint(checkpoint, "meta")["global_step"] if checkpoint else 0
    for logger in loggers:
        if isinstance(logger, CSVLogger):
            build_history(logger, run.metrics_file, step)
            continue  # config.yaml is beside metrics.csv
        if isinstance(logger, Session):
            logger.begin(run.folder)
        if isinstance(logger, Rewindable):
            logger.rewind(step)
        logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
