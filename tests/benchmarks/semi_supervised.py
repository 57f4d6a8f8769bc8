"""Test accuracy of M2, or M1 + M2, on few labels, against its own classifier trained on the same labels alone.

Both see the same labelled examples with the same noise; the supervised one keeps the weights that did best on the
validation split, so that it cannot lose by training too long.
"""

import argparse
import copy
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from hydra import compose, initialize_config_dir
from measuring import records_of
from omegaconf import DictConfig, open_dict
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from vaelab.config import build
from vaelab.config.paths import CONF
from vaelab.data.module import DataModule
from vaelab.jobs.experiment import Experiment
from vaelab.latent.structure import LatentStructure
from vaelab.metric.moments import Moments
from vaelab.storage.run import Run


def composed(overrides: list[str]) -> DictConfig:
    """The config of `train.yaml`, with the choices that were made."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["name=benchmark", *overrides], return_hydra_config=True)
    with open_dict(config):
        config.choices = {k: v for k, v in config.hydra.runtime.choices.items() if "hydra" not in k}
        del config["hydra"]
    return config


@torch.no_grad()
def accuracy(latent: LatentStructure, data: DataModule, split: str) -> float:
    """Share of the split that is recognised."""
    moments = Moments(["accuracy"])
    for batch in data.loader(split):
        batch = data.on_after_batch_transfer(batch, 0)
        assert batch.y is not None
        moments.update({"accuracy": latent.classify(batch.x).argmax(1) == batch.y})
    return float(moments.compute().mean("accuracy"))


def supervised(config: DictConfig, steps: int, interval: int) -> float:
    """Test accuracy of the classifier alone, at the step of its highest validation accuracy."""
    experiment = Experiment.build(config)
    data, latent = experiment.data, experiment.model.latent
    split = data.split("train")
    assert data.label_mask is not None
    assert latent.infers_labels
    stored = split[data.label_mask.nonzero().flatten()]
    optimizer = build(config.optimizer)(experiment.model.parameters())
    best, weights = 0.0, copy.deepcopy(experiment.model.state_dict())
    for step in range(1, steps + 1):
        batch = data.on_after_batch_transfer(stored, 0)
        optimizer.zero_grad()
        F.cross_entropy(latent.classify(batch.x), batch.y).backward()
        optimizer.step()
        if step % interval == 0 and (value := accuracy(latent, data, "validation")) > best:
            best, weights = value, copy.deepcopy(experiment.model.state_dict())
    experiment.model.load_state_dict(weights)
    return accuracy(latent, data, "test")


def semi_supervised(config: DictConfig) -> float:
    """Test accuracy of the whole model, at the checkpoint that the recipe calls best."""
    experiment = Experiment.build(config)
    with TemporaryDirectory() as folder:
        best = build(config.callbacks.checkpoint)
        best.dirpath = folder
        trainer = experiment.trainer(Run(Path(folder)), [build(config.callbacks.evaluate), best], [])
        trainer.fit(experiment.model, experiment.data)
        trainer.test(
            experiment.model, experiment.data, ckpt_path=best.best_model_path, weights_only=True, verbose=False
        )
    return records_of(experiment.model)["accuracy"].value


def main() -> None:
    """Print both accuracies and their difference for each seed, which also chooses the labelled examples."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments.add_argument("--steps", type=int, default=500, help="of supervised training")
    arguments.add_argument("--interval", type=int, default=25, help="steps between looks at the validation split")
    arguments.add_argument("overrides", nargs="*", default=["experiment=m1_m2_mnist"])
    given = arguments.parse_args()
    logging.getLogger().setLevel(logging.WARNING)
    table = Table("seed", "supervised", "semi-supervised", "difference", "seconds")
    for seed in given.seeds:
        config = composed([*given.overrides, f"seed={seed}", f"data.split_seed={seed}"])
        alone = supervised(config, given.steps, given.interval)
        start = perf_counter()
        together = semi_supervised(config)
        seconds = perf_counter() - start
        table.add_row(str(seed), f"{alone:.4f}", f"{together:.4f}", f"{together - alone:+.4f}", f"{seconds:.0f}")
        Console().print(table)


if __name__ == "__main__":
    main()
