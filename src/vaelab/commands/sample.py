"""vaelab sample: images from a trained model."""

import sys
from collections.abc import Sequence
from datetime import datetime

from omegaconf import DictConfig

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
    if not isinstance(config.temperature, int | float) or config.temperature <= 0:
        raise UserError(f"temperature={config.temperature} is no temperature; set it above 0")
    run = Run.open(config.run)
    saved = run.load_config()
    check(saved, saved.choices)
    checkpoint = run.checkpoint(config.ckpt)
    into = run.folder / "samples" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    return launch("sample", 1, config, run, checkpoint, into)
