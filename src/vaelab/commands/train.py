"""vaelab train: a new run, or one that goes on."""

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from vaelab.commands.application import KEPT, application, taken, with_config_of
from vaelab.commands.process import launch, num_processes, say
from vaelab.commands.second_stage import is_second_stage, on_first_stage, with_choices_of
from vaelab.config import LISTED, check
from vaelab.errors import UserError
from vaelab.run import Run

IN_CHECKPOINT = ("optimizer", "scheduler")  # a checkpoint restores their settings too, over any given now
RESOLVER = re.compile(r"\$\{[\w.]+:")


def main(arguments: Sequence[str] | None = None) -> int:
    """`run=<folder>` goes on with a run, `ckpt=` says from where; anything else starts a new one.

    With a model that is a second stage, `run=<folder>` is its first.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    folder, rest = taken(arguments, "run")
    ckpt, rest = taken(rest, "ckpt")
    if folder is None and ckpt is None:
        return application("train", start, rest)
    try:
        run = latest_run(Path("outputs")) if folder is None else Run.open(folder)
        if is_second_stage(rest):
            if ckpt is not None:
                raise UserError(
                    f"ckpt={ckpt} is for going on; a second stage starts from its first's best: leave it out"
                )
            arguments = on_first_stage(run, rest)
            return application("train", lambda config: start(config, run), arguments)
        checkpoint = resumption(run, ckpt or "last")
        arguments = with_config_of(run, "train", rest, run.folder, kept=(*KEPT, *IN_CHECKPOINT))
    except UserError as error:
        say([str(error)])
        return 1
    return application("train", lambda config: go_on(config, run, checkpoint), arguments)


def start(config: DictConfig, first_stage: Run | None = None) -> int:
    """A new run. What ends before anything was trained leaves no folder behind."""
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    run = Run(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
    status = 1
    try:
        with open_dict(config):
            config.choices = {str(k): v for k, v in job.runtime.choices.items() if "hydra" not in str(k)}
            if first_stage is not None:
                with_choices_of(first_stage, config)
            check(config, config.choices)
            for group in LISTED:
                config.setdefault(group, {})  # which [] leaves out
        pin(config)
        status = train(config, run, None)
    finally:
        if status != 0 and not run.saved:
            discard(run.folder)
    return status


def go_on(config: DictConfig, run: Run, checkpoint: Path | None) -> int:
    """The rest of a run, from a checkpoint."""
    check(config, config.choices)
    return train(config, run, checkpoint)


def train(config: DictConfig, run: Run, checkpoint: Path | None) -> int:
    """Exit status of training in as many processes as the trainer wants."""
    before = set(run.unfinished.glob("*/*"))
    status = launch("train", num_processes(config), config, run.folder, checkpoint)
    if status > 128 and set(run.unfinished.glob("*/*")) - before:
        say([f"training was over; python train.py run={run.folder} goes on with the evaluation"])
    return status


def pin(node: DictConfig | ListConfig) -> None:
    """Replace what only a resolver knows by its value: the time and Hydra's folder must not change later."""
    keys: list[Any] = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    for key in keys:
        if OmegaConf.is_interpolation(node, key):
            plain: Any = OmegaConf.to_container(node, resolve=False)
            if RESOLVER.search(plain[key]):
                node[key] = node[key]
        elif not OmegaConf.is_missing(node, key) and OmegaConf.is_config(node[key]):
            pin(node[key])


def resumption(run: Run, ckpt: str) -> Path | None:
    """The checkpoint to go on from; None for a run that ended before its first."""
    return run.checkpoint(ckpt) if run.saved or ckpt != "last" else None


def latest_run(outputs: Path) -> Run:
    """The run whose last checkpoint is the newest."""
    found = sorted(outputs.rglob("checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UserError(f"no run with a checkpoint is under {outputs}/; give run=<folder>")
    return Run.open(found[-1].parents[1])


def discard(folder: Path) -> None:
    """Remove a folder in which nothing was trained, and the one above it if it is empty then, but for our own."""
    shutil.rmtree(folder, ignore_errors=True)
    above = folder.parent.resolve()
    if above.exists() and above != Path.cwd() and not any(above.iterdir()):
        folder.parent.rmdir()
