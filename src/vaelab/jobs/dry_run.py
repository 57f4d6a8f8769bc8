"""The length of a training, and its first step, without keeping anything."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lightning.pytorch.callbacks import Callback, Checkpoint, ProgressBar
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.annealing import Annealing
from vaelab.callbacks.evaluate import Evaluate
from vaelab.callbacks.health_check import HealthCheck
from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.data.sampling import TrainingSampler
from vaelab.jobs.experiment import Experiment
from vaelab.picture.callback import PictureCallback
from vaelab.storage.run import Run

ONE_STEP = {"max_epochs": 1, "max_steps": -1, "limit_train_batches": 1, "limit_val_batches": 0, "overfit_batches": 0}
ENDLESS = 2**63 - 1
ONE_PROCESS = {"devices": 1, "strategy": "auto"}


def num_steps_of_epoch(trainer: DictConfig, data: DataModule, num_processes: int) -> int:
    """The number of optimizer steps of one epoch."""
    batches = len(TrainingSampler(len(data.split("train")), data.batch_size, 0, 0, num_processes, lambda: 0))
    for limit in (trainer.get("limit_train_batches"), trainer.get("overfit_batches")):
        if limit:
            batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    return int(-(-batches // trainer.get("accumulate_grad_batches", 1)))


def num_steps(trainer: DictConfig, data: DataModule, num_processes: int) -> int:
    """The number of optimizer steps of a training; `ENDLESS` if nothing ends it."""
    per_epoch = num_steps_of_epoch(trainer, data, num_processes)
    max_steps, max_epochs = trainer.get("max_steps", -1), trainer.max_epochs
    if max_epochs is None:  # Lightning's default
        max_epochs = 1000 if max_steps < 0 else -1
    limits = (per_epoch * max_epochs, max_steps)
    return min((limit for limit in limits if limit >= 0), default=ENDLESS)  # negative is no limit


def dry_run(experiment: Experiment, watcher: Callback, num_processes: int) -> None:
    """Train on one batch in one process, with the config's trainer, in a temporary folder.

    Schedules in epochs are as long as they would be in `num_processes`.
    """
    config = experiment.config.copy()
    OmegaConf.set_struct(config, False)
    chosen = [build(node) for node in config.callbacks.values()]
    idle = (Checkpoint, PictureCallback, Evaluate, HealthCheck)
    working = [one for one in chosen if not isinstance(one, idle)]
    for one in working:
        if isinstance(one, Annealing):
            one.steps_per_epoch = num_steps_of_epoch(config.trainer, experiment.data, num_processes)
    with TemporaryDirectory() as folder:
        run = Run(Path(folder))
        experiment.trainer(run, [], [])  # raises the errors that training would raise
        config.trainer.update(ONE_STEP | ONE_PROCESS)
        trainer: Any = Experiment(config, experiment.data, experiment.model).trainer(run, [*working, watcher], [])
        trainer.callbacks = [one for one in trainer.callbacks if not isinstance(one, Checkpoint | ProgressBar)]
        experiment.model.train()
        trainer.fit(experiment.model, experiment.data)
