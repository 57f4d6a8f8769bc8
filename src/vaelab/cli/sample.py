"""vaelab sample: images from a trained model."""

from collections.abc import Sequence
from datetime import datetime

from omegaconf import DictConfig, OmegaConf

from vaelab.cli.hydra_app import application
from vaelab.cli.launch import launch
from vaelab.cli.outcome import Outcome, report_mistakes
from vaelab.cli.run_folder import lock_folder
from vaelab.cli.saved_arguments import key_of
from vaelab.config import check
from vaelab.config.paths import CONF
from vaelab.config.run_config import load_config
from vaelab.config.text import pop_folder, quote
from vaelab.errors import UserError
from vaelab.storage.reservation import reserve_empty
from vaelab.storage.run import Run


@report_mistakes
def main(arguments: list[str]) -> int:
    """`run=<folder> num_samples=64 y=3 temperature=0.8`."""
    for key in ("run", "ckpt"):
        folder, arguments = pop_folder(arguments, key)
        arguments += [] if folder is None else [f"{key}={quote(folder)}"]
    check_keys(arguments)
    return application("sample", sample, [quote_class(argument) for argument in arguments])


def check_keys(arguments: Sequence[str]) -> None:
    """Raises UserError for a key of a training: sample takes the model as it was trained."""
    keys, training = (map(str, OmegaConf.load(CONF / f"{name}.yaml")) for name in ("sample", "train"))
    own = [*(key for key in keys if key not in ("hydra", "defaults")), "picture"]
    foreign = {*training, *(folder.name for folder in CONF.iterdir() if folder.is_dir())} - {*own}
    for argument in arguments:
        if key_of(argument).partition(".")[0] in foreign:
            raise UserError(
                f"{argument} cannot be changed in a model that is trained; sample takes {', '.join(own)}; for another "
                "model start a new run with python train.py"
            )


def quote_class(argument: str) -> str:
    """`y=<name>` as Hydra's grammar wants a text of any letters; numbers, lists and what is quoted stay."""
    key, _, value = argument.partition("=")
    if key != "y" or not value or value[0] in "['\"" or value.lstrip("-").isdecimal():
        return argument
    return f"y={quote(value)}"


def sample(config: DictConfig) -> Outcome:
    check(config, {}, "sample")
    run = Run.open(config.run)
    with lock_folder(run.folder):
        saved = load_config(run, config.plugins)
        check(saved, saved.choices)
        checkpoint = run.checkpoint(config.ckpt)
        into = reserve_empty(run.folder / "samples" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
        return launch("sample", 1, config, saved, run, checkpoint, into)
