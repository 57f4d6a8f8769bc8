"""Evaluate a checkpoint: what one process of `vaelab evaluate` does."""

from pathlib import Path

from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig

from vaelab.callbacks.evaluate import Evaluate
from vaelab.config import build
from vaelab.job.experiment import Experiment
from vaelab.job.test import circumstances, test
from vaelab.run import Run


def evaluate(config: DictConfig, run: Run, into: Path, checkpoint: Path) -> None:
    """The numbers of a checkpoint on the test split, written into the folder `into`; the run itself stays as it is."""
    experiment = Experiment.build(config)
    experiment.expect(checkpoint)
    callbacks = [build(node) for node in config.callbacks.values()]
    kept = [one for one in callbacks if not isinstance(one, ModelCheckpoint | Evaluate)]
    measures = Evaluate(build(config.evaluation), every_n_epochs=0, during_training=[], num_examples=0)
    measures.folder, measures.circumstances = run.unfinished, circumstances(config)
    test(experiment, experiment.trainer(Run(into), [*kept, measures], []), Run(into), checkpoint)
