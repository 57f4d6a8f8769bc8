"""vaelab evaluate: the numbers of any checkpoint."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig

from vaelab.commands.application import application, taken, with_config_of
from vaelab.commands.process import launch, num_processes, say
from vaelab.config import check
from vaelab.errors import UserError
from vaelab.run import Run


def main(arguments: Sequence[str] | None = None) -> int:
    """`run=<folder>`, `ckpt=best|last|<path>`, and any override of the run's own config."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    folder, rest = taken(arguments, "run")
    ckpt, rest = taken(rest, "ckpt")
    if folder is None:
        return application("evaluate", nothing_to_evaluate, rest)
    try:
        run = Run.open(folder)
        checkpoint = run.checkpoint(ckpt or "best")
        into = run.folder / "evaluations" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
        arguments = with_config_of(run, "evaluate", rest, into)
    except UserError as error:
        say([str(error)])
        return 1
    return application("evaluate", lambda config: evaluate(config, run, into, checkpoint), arguments)


def nothing_to_evaluate(config: DictConfig) -> int:
    raise UserError("evaluate needs a run; give run=outputs/<model>-<data>/<date>_<time>")


def evaluate(config: DictConfig, run: Run, into: Path, checkpoint: Path) -> int:
    """Exit status of evaluating in as many processes as the trainer wants."""
    check(config, config.choices)
    return launch("evaluate", num_processes(config), config, run, into, checkpoint)
