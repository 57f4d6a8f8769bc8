"""Evaluate a checkpoint: what one process of `vaelab evaluate` does."""

from pathlib import Path

from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig

from vaelab.config import build
from vaelab.evaluation.record import as_json
from vaelab.job.experiment import Experiment
from vaelab.job.table import print_results
from vaelab.run import Run


def evaluate(config: DictConfig, folder: Path, checkpoint: Path) -> None:
    """The numbers of a checkpoint on the test split, written into `folder`; the run itself stays as it is."""
    experiment = Experiment.build(config)
    experiment.expect(checkpoint)
    callbacks = [build(node) for node in config.callbacks.values()]
    kept = [callback for callback in callbacks if not isinstance(callback, ModelCheckpoint)]
    trainer = experiment.trainer(Run(folder), kept, [])
    trainer.test(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    if trainer.is_global_zero:
        Run(folder).save_results(as_json(experiment.model.records))
        print_results(experiment.model.records, folder)
