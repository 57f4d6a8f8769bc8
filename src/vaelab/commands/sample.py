"""vaelab sample: images from a trained model."""

import sys
from collections.abc import Sequence
from datetime import datetime

from omegaconf import DictConfig, ListConfig

from vaelab.commands.application import application
from vaelab.commands.process import launch
from vaelab.config import check
from vaelab.config.text import pop_folder, quote
from vaelab.errors import UserError
from vaelab.run import Run
from vaelab.storage.lock import locked
from vaelab.storage.reservation import reserve_empty


def main(arguments: Sequence[str] | None = None) -> int:
    """`run=<folder> num_samples=64 y=3 temperature=0.8`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for key in ("run", "ckpt"):
        folder, arguments = pop_folder(arguments, key)
        arguments += [] if folder is None else [f"{key}={quote(folder)}"]
    return application("sample", sample, [quote_class(argument) for argument in arguments])


def quote_class(argument: str) -> str:
    """`y=<name>` as Hydra's grammar wants a text of any letters; numbers, lists and what is quoted stay."""
    key, _, value = argument.partition("=")
    if key != "y" or not value or value[0] in "['\"" or value.lstrip("-").isdecimal():
        return argument
    return f"y={quote(value)}"


def sample(config: DictConfig) -> int:
    check(config, {})
    if not isinstance(config.num_samples, int) or config.num_samples < 1:
        raise UserError(f"num_samples={config.num_samples} is no number of samples; set it to 1 or more")
    check_temperature(config.temperature)
    run = Run.open(config.run)
    with locked(run.folder):
        saved = run.load_config(config.plugins)
        check(saved, saved.choices)
        checkpoint = run.checkpoint(config.ckpt)
        into = reserve_empty(run.folder / "samples" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
        return launch("sample", 1, config, saved, run, checkpoint, into)


def check_temperature(temperature: object) -> None:
    """Raises UserError for what is neither a number above 0 nor a list of such."""
    each = list(temperature) if isinstance(temperature, ListConfig) else [temperature]
    if not each or not all(isinstance(one, int | float) and one > 0 for one in each):
        raise UserError(f"temperature={temperature} is no temperature; set it above 0")
