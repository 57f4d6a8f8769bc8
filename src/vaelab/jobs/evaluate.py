"""Evaluate a checkpoint: what one process of `vaelab evaluate` does."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, open_dict

from vaelab.config.run_config import read_config
from vaelab.jobs.other_data import asks_for_a_share, chooses_other_data, fit_to_model
from vaelab.jobs.results import measure
from vaelab.storage.run import Run

ALL_MEASURES = {
    "_target_": "vaelab.callbacks.evaluate.Evaluate",
    "measures": "${evaluation}",
    "every_n_epochs": 0,
    "during_training": [],
    "num_examples": 0,
}


def evaluate(config: DictConfig, run: Run, into: Path, checkpoint: Path, overrides: Sequence[str]) -> None:
    """The numbers of a checkpoint on the test split, written into the folder `into`; the run itself stays as it is.

    `overrides` are the keys that differ from the run's own config on purpose.
    """
    other_data = chooses_other_data(overrides)
    if other_data:
        fit_to_model(config, read_config(run), overrides)
    with open_dict(config):
        config.callbacks["evaluate"] = ALL_MEASURES  # whatever of them the run itself had, or had in training
    measure(config, run, into, checkpoint, other_data=other_data, whole=not asks_for_a_share(overrides))
