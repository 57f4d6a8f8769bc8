"""Examine an experiment before it is trained: what `vaelab doctor` does."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint, ProgressBar
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.evaluate import Evaluate
from vaelab.callbacks.health_check import HealthCheck
from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.data.sampling import TrainingSampler
from vaelab.errors import UserError
from vaelab.evaluation.subject import Subject
from vaelab.health.examination import Examination
from vaelab.health.first_step import FirstStep
from vaelab.health.history import History
from vaelab.health.kl_schedule import settled
from vaelab.health.line import FAILED, NOT_APPLICABLE, PASSED, Line, failed, print_lines
from vaelab.job.experiment import Experiment, check_optimizer, quiet
from vaelab.job.meaning import check_meaning
from vaelab.model.vae import VAE
from vaelab.picture.callback import PictureCallback
from vaelab.protocol import Classifies
from vaelab.run import Run

UNTRAINED = ("input_range", "decoder_balance")  # those of the checks that need no training
ONE_STEP = {"max_epochs": 1, "max_steps": -1, "limit_train_batches": 1, "limit_val_batches": 0, "overfit_batches": 0}
ONE_PROCESS = {"devices": 1, "strategy": "auto"}


def doctor(config: DictConfig, num_processes: int) -> None:
    """The part of the checklist that one batch can answer. Raises UserError where a line failed."""
    quiet()
    torch.distributions.Distribution.set_default_validate_args(False)  # as in training, which would go on
    pl.seed_everything(config.seed, verbose=False)
    data = build(config.data)
    data.prepare_data()
    lines = list(examined(config, data, num_processes))
    print_lines(f"health of model={config.choices.model} data={config.choices.data}, untrained", lines)
    if wrong := failed(lines):
        raise UserError(f"{len(wrong)} of {len(lines)} lines failed: {', '.join(wrong)}; each says what to do")


def examined(config: DictConfig, data: DataModule, num_processes: int) -> Iterator[Line]:
    """The lines, in the order in which a mistake would show."""
    try:
        model = build(config.model)
    except UserError as error:
        yield Line("parts", FAILED, str(error))
        return
    check_optimizer(config, model)
    examination = Examination(subject(model, data, config.seed), {}, 0, History())
    yield (fit := fitting(config, data, model))
    yield kind(config, data, model)
    yield labels(config, data, model)
    if fit.verdict == FAILED:
        yield build(config.doctor.health_check.checks.input_range)(examination)
        yield Line("first step", NOT_APPLICABLE, "the parts do not fit")
        return
    with torch.no_grad():
        for name in UNTRAINED:
            yield build(config.doctor.health_check.checks[name])(examination)
    first = FirstStep()
    take_first_step(Experiment(config, data, model), first)
    planned = num_steps(config.trainer, data, num_processes)
    yield settled(model.control.ends, planned, "the number of steps planned is", "raise trainer.max_epochs")
    yield from first.lines()


def subject(model: VAE, data: DataModule, seed: int) -> Subject:
    """The untrained model on one chunk of the data."""
    model.eval()
    return Subject(model.latent, data, "validation", seed, torch.device("cpu"), limit=data.chunk)


def fitting(config: DictConfig, data: DataModule, model: VAE) -> Line:
    """What a training would refuse before it starts."""
    try:
        check_meaning(config, data, model.latent)
    except UserError as error:
        return Line("parts", FAILED, str(error))
    return Line("parts", PASSED, "they fit each other, and x lies in the support of p(x|z)")


def kind(config: DictConfig, data: DataModule, model: VAE) -> Line:
    """Whether log p(x|z) is that of a density, so that its nats compare with those of other models."""
    x, name = data.batch("validation", torch.arange(1)).x, config.choices.likelihood
    likelihood = model.latent.likelihood
    if not likelihood.accepts(x):
        return Line("likelihood", NOT_APPLICABLE, f"x is outside the support of '{name}'")
    if likelihood.is_density(x):
        return Line("likelihood", PASSED, f"'{name}' is a true density of this x")
    return Line("likelihood", PASSED, f"'{name}' of grey pixels is a pseudo-likelihood, published as bce, never as nll")


def labels(config: DictConfig, data: DataModule, model: VAE) -> Line:
    """Whether the labels that the model wants are there."""
    if not model.latent.conditional:
        return Line("labels", NOT_APPLICABLE, "the model wants none")
    kept = "all" if data.kept is None else str(int(data.kept.sum()))
    fact = f"{kept} training examples keep one of {data.num_classes} labels"
    if data.kept is not None and not isinstance(model.latent, Classifies):
        way_out = "set data.num_labels=all, or model=m2, which infers the others"
        return Line("labels", FAILED, f"{fact}, but '{config.choices.condition}' needs all of them; {way_out}")
    return Line("labels", PASSED, fact)


def num_steps(trainer: DictConfig, data: DataModule, num_processes: int) -> int:
    """How many optimizer steps the trainer would take; the largest int where nothing ends it."""
    batches = len(TrainingSampler(len(data.split("train")), data.batch_size, 0, 0, num_processes, lambda: 0))
    for limit in (trainer.get("limit_train_batches"), trainer.get("overfit_batches")):
        if limit:
            batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    per_epoch = -(-batches // trainer.get("accumulate_grad_batches", 1))
    endless = 2**63 - 1
    by_epochs = endless if trainer.max_epochs == -1 else per_epoch * trainer.max_epochs
    return min(by_epochs, trainer.get("max_steps", -1) % (endless + 1))


def take_first_step(experiment: Experiment, watcher: Callback) -> None:
    """Train on one batch, as the trainer of the config would in one process, in a folder that goes away."""
    config = experiment.config.copy()
    OmegaConf.set_struct(config, False)
    chosen = [build(node) for node in config.callbacks.values()]
    idle = (Checkpoint, PictureCallback, Evaluate, HealthCheck)
    working = [one for one in chosen if not isinstance(one, idle)]
    with TemporaryDirectory() as folder:
        run = Run(Path(folder))
        experiment.trainer(run, [], [])  # refuses what a training would refuse
        config.trainer.update(ONE_STEP | ONE_PROCESS)
        trainer: Any = Experiment(config, experiment.data, experiment.model).trainer(run, [*working, watcher], [])
        trainer.callbacks = [one for one in trainer.callbacks if not isinstance(one, Checkpoint | ProgressBar)]
        experiment.model.train()
        trainer.fit(experiment.model, experiment.data)
