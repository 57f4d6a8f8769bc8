"""vaelab sample: images from a trained model."""

import sys
from collections.abc import Sequence
from datetime import datetime

from omegaconf import DictConfig, ListConfig

from vaelab.commands.application import application
from vaelab.commands.process import launch
from vaelab.config import check
from vaelab.errors import UserError
from vaelab.run import Run


def main(arguments: Sequence[str] | None = None) -> int:
    """`run=<folder> num_samples=64 y=3 temperature=0.8`."""
    return application("sample", sample, list(sys.argv[1:] if arguments is None else arguments))


def sample(config: DictConfig) -> int:
    check(config, {})
    if not isinstance(config.num_samples, int) or config.num_samples < 1:
        raise UserError(f"num_samples={config.num_samples} is no number of samples; set it to 1 or more")
    check_temperature(config.temperature)
    run = Run.open(config.run)
    saved = run.load_config()
    check(saved, saved.choices)
    checkpoint = run.checkpoint(config.ckpt)
    into = run.folder / "samples" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    return launch("sample", 1, config, run, checkpoint, into)


def check_temperature(temperature: object) -> None:
    """Raises UserError for what is neither a number above 0 nor a list of such."""
    each = list(temperature) if isinstance(temperature, ListConfig) else [temperature]
    if not each or not all(isinstance(one, int | float) and one > 0 for one in each):
        raise UserError(f"temperature={temperature} is no temperature; set it above 0")
