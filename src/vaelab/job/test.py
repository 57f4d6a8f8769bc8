"""Measure a checkpoint on the test split and write down what was found."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.evaluate import Evaluate
from vaelab.evaluation.record import as_json
from vaelab.job.experiment import Experiment
from vaelab.job.table import print_results
from vaelab.run import Run


def circumstances(config: DictConfig) -> str:
    """Of the config, all that figures depend on beside the weights; for the measures themselves speaks their repr."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return repr([plain.get(key) for key in ("model", "data", "features")])


def test(experiment: Experiment, trainer: pl.Trainer, run: Run, checkpoint: Path) -> None:
    """results.json of a run, and the same as a table."""
    trainer.test(experiment.model, experiment.data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    if trainer.is_global_zero:
        run.save_results(as_json(experiment.model.records))
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Evaluate):
                callback.discard()
        print_results(experiment.model.records, run.folder)
