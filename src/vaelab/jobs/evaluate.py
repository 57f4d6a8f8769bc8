"""Evaluates a checkpoint: one process of `vaelab evaluate`."""

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
    """Write the results of a checkpoint on the test split into the folder `into`; the run itself is unchanged.

    `overrides` are the keys that the user changed from the run's own config.
    """
    other_data = chooses_other_data(overrides)
    if other_data:
        fit_to_model(config, read_config(run), overrides)
    with open_dict(config):
        config.callbacks["evaluate"] = ALL_MEASURES  # also if the run used other settings
    measure(config, run, into, checkpoint, other_data=other_data, whole=not asks_for_a_share(overrides))
