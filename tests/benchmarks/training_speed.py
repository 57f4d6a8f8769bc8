"""Steady training speed of the default model, against a hand-written loop over the same tensors.

Both train the same network with the same optimizer at the same precision, in turn, in one process; the ratio
of each pair of rounds cancels what the machine does meanwhile.
"""

import argparse
import logging
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import lightning.pytorch as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.callbacks.interruption import Interruption
from vaelab.config import build
from vaelab.config.paths import CONF
from vaelab.jobs.experiment import Experiment
from vaelab.storage.run import Run


class Clock(pl.Callback):
    """Seconds between the end of the warm-up and the last step."""

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup = warmup
        self.steps = steps
        self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if batch_idx == self.warmup - 1:
            self.start = perf_counter()
        if batch_idx == self.warmup + self.steps - 1:
            self.seconds = perf_counter() - self.start


def platform(config: DictConfig, warmup: int, steps: int) -> float:
    """Seconds for `steps` of the platform's own training, with its loggers and standing callbacks."""
    experiment = Experiment.build(config)
    clock = Clock(warmup, steps)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        standing = [LastCheckpoint(run.checkpoints), FiniteLoss(), Interruption(run.checkpoints)]
        logger = pl.loggers.CSVLogger(folder, name="", version="", flush_logs_every_n_steps=1)
        trainer = experiment.trainer(run, [clock, *standing], [logger])
        trainer.fit(experiment.model, experiment.data)
    return clock.seconds


def by_hand(config: DictConfig, warmup: int, steps: int) -> float:
    """Seconds for `steps` of the loop that one would write without a platform."""
    experiment = Experiment.build(config)
    model = experiment.model
    split = experiment.data.split("train")
    stored = split[torch.arange(len(split))]
    optimizer = build(config.optimizer)(model.parameters())
    model.train()
    order = torch.randperm(len(split)).split(experiment.data.batch_size)
    start = 0.0
    for step in range(warmup + steps):
        if step == warmup:
            start = perf_counter()
        index = order[step]
        batch = stored._replace(x=stored.x[index].float() / 255, y=stored.y[index], index=index)
        loss = model.objective(model.latent(batch), model.control).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return perf_counter() - start


def main() -> None:
    """Print both speeds and the median of their ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--steps", type=int, default=150)
    arguments.add_argument("--warmup", type=int, default=20)
    arguments.add_argument("overrides", nargs="*", default=["model=cvae", "data=fashion_mnist"])
    given = arguments.parse_args()
    logging.getLogger().setLevel(logging.WARNING)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*given.overrides, "trainer.precision=32-true", "trainer.max_epochs=1"])
    config = OmegaConf.masked_copy(config, [key for key in config if key not in ("logger", "callbacks", "hydra")])
    config.choices = {"likelihood": "as given", "data": "as given"}
    config.trainer.limit_train_batches = given.warmup + given.steps
    config.trainer.limit_val_batches = 0
    pairs = [
        (platform(config, given.warmup, given.steps), by_hand(config, given.warmup, given.steps))
        for _ in range(given.rounds)
    ]
    table = Table("loop", "steps per second (median)")
    table.add_row("vaelab", f"{given.steps / median(a for a, _ in pairs):.1f}")
    table.add_row("by hand", f"{given.steps / median(b for _, b in pairs):.1f}")
    Console().print(table)
    print(f"time of vaelab / time by hand, median of {given.rounds} pairs: {median(a / b for a, b in pairs):.3f}")


if __name__ == "__main__":
    main()
