"""vaelab sample: images from a trained model."""

import sys
from collections.abc import Sequence
from datetime import datetime

from omegaconf import DictConfig

from vaelab.commands.application import application
from vaelab.commands.process import launch
from vaelab.config import check
from vaelab.run import Run


def main(arguments: Sequence[str] | None = None) -> int:
    """`run=<folder> num_samples=64 y=3 temperature=0.8`."""
    return application("sample", sample, list(sys.argv[1:] if arguments is None else arguments))


def sample(config: DictConfig) -> int:
    check(config, {})
    run = Run.open(config.run)
    checkpoint = run.checkpoint(config.ckpt)
    into = run.folder / "samples" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    from vaelab.job.sample import sample as job  # torch and lightning

    return launch(job, 1, config, run, checkpoint, into)
