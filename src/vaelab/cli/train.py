"""vaelab train: start a new run, or resume one."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from vaelab.cli.attempt import recorded
from vaelab.cli.hydra_app import Task, application, record_choices
from vaelab.cli.launch import launch, num_processes
from vaelab.cli.log_file import log_file
from vaelab.cli.outcome import Outcome, failure, print_once, report_mistakes
from vaelab.cli.ranks import from_rank_zero
from vaelab.cli.resumption import changes, is_finished, key_to_train_longer
from vaelab.cli.run_folder import RESERVE, claim, finish, lock_folder
from vaelab.cli.saved_arguments import KEPT, arguments_from_run
from vaelab.cli.schedule_length import check_lengths
from vaelab.cli.second_stage import (
    check_first_stage,
    check_resumed_model,
    copy_choices,
    is_second_stage,
    second_stage_arguments,
)
from vaelab.cli.sweep_name import name_sweep
from vaelab.config import check
from vaelab.config.plugins import plugins_of
from vaelab.config.run_config import read_config
from vaelab.config.text import escape_references, pop_folder, quote
from vaelab.errors import UserError
from vaelab.storage.run import Run

IN_CHECKPOINT = ("optimizer", "scheduler")  # a checkpoint restores their settings too, over any given now
RESOLVER = re.compile(r"\$\{[\w.]+:")


class Job(NamedTuple):
    """What a command line asks for: a task, the arguments that compose its config, and the run to resume."""

    task: Task
    arguments: list[str]
    run: Run | None = None


@report_mistakes
def main(arguments: list[str]) -> int:
    """Start a new run, or resume one: see `job_of`."""
    job = job_of(arguments)
    return application("train", job.task, name_sweep(job.arguments))


def job_of(arguments: Sequence[str]) -> Job:
    """`run=<folder>` resumes a run, `ckpt=` says from which checkpoint; anything else starts a new run.

    `first_stage=<folder>` is the run that a second stage trains on. `init_from=<folder>` starts from a run's weights.

    Raises:
        UserError: there is no such run, or these arguments contradict each other.
    """
    folder, rest = pop_folder(arguments, "run")
    ckpt, rest = pop_folder(rest, "ckpt")
    init_from, rest = pop_folder(rest, "init_from")
    first_stage, rest = pop_folder(rest, "first_stage")
    for key, value in {"first_stage": first_stage, "init_from": init_from}.items():
        if value is not None and (folder is not None or ckpt is not None):
            raise UserError(f"{key}={value} starts a new run; leave out run= and ckpt=")
    if first_stage is not None:
        if init_from is not None:
            raise UserError(
                f"init_from={init_from} has no effect on a second stage, which begins with the weights of "
                f"first_stage={first_stage}; leave init_from out"
            )
        check_first_stage(rest, first_stage)
        first = Run.open(first_stage)
        return Job(lambda config: start(config, first), [RESERVE, *second_stage_arguments(first, rest)])
    if folder is None and ckpt is None:
        return Job(start, [RESERVE, *rest, *init_from_overrides(init_from)])
    run = latest_run(Path("outputs")) if folder is None else Run.open(folder)
    if is_second_stage(rest):
        check_resumed_model(run, rest)
    again = arguments_from_run(run, "train", rest, kept=(*KEPT, *IN_CHECKPOINT))
    return Job(lambda config: resume(config, run, ckpt or "last"), again, run)


def init_from_overrides(folder: str | None) -> list[str]:
    """The override that makes a new run begin with another's weights. Raises UserError where that one has none."""
    if folder in (None, "null"):
        return []
    assert folder is not None
    Run.open(folder).checkpoint("best")
    return [f"init_from={quote(folder)}"]


def start(config: DictConfig, first_stage: Run | None = None) -> Outcome:
    """A new run, or the rest of one that SLURM or a sweep starts again.

    What ends before anything was trained leaves nothing that was not there, but for the status of a sweep's job.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    run = Run(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
    overrides = [str(one) for one in HydraConfig.get().overrides.task]
    ended = Outcome()
    try:
        before = claim(folder, overrides)
        record_choices(config)
        if first_stage is not None:
            copy_choices(first_stage, config)
        check_lengths(config)
        check(config, config.choices)
        with open_dict(config):
            config.plugins = plugins_of(config)
        again = from_rank_zero(lambda: before and run.saved)
        freeze_resolvers(config, read_config(run) if again else None)
        checkpoint = resume_checkpoint(run, "last") if again else None
        if not from_rank_zero(lambda: is_finished(run, config, checkpoint, changed=False)):
            ended = train(config, run, checkpoint)
    except BaseException as error:
        ended = failure(error)
        raise
    finally:
        finish(folder, ended, run.saved)
    return ended


def resume(config: DictConfig, run: Run, ckpt: str) -> Outcome:
    """Resume a run from a checkpoint. A run that has finished stays unchanged."""
    with lock_folder(run.folder), log_file(run.folder / "train.log"):
        check_lengths(config)
        check(config, config.choices)
        config.plugins = plugins_of(config)
        checkpoint = resume_checkpoint(run, ckpt)
        finished, changed = from_rank_zero(lambda: remaining_work(config, run, checkpoint))
        if finished:
            idle = f", so nothing is left for {', '.join(changed)} to change" if changed else ""
            way_out = f"to train longer, or measure it with vaelab evaluate run={run.folder}"
            sentence = f"{run.folder} has finished{idle}; give {key_to_train_longer(config, checkpoint)}=... {way_out}"
            print_once([sentence])
            return Outcome(1 if changed else 0, sentence)
        print_once([f"resuming with {', '.join(changed)}"] if changed else [])
        with recorded(run) as record:
            return record(train(config, run, checkpoint))


def remaining_work(config: DictConfig, run: Run, checkpoint: Path | None) -> tuple[bool, list[str]]:
    """Whether a run has finished, and which values the config changes."""
    changed = changes(read_config(run), config)
    return is_finished(run, config, checkpoint, bool(changed)), changed


def train(config: DictConfig, run: Run, checkpoint: Path | None) -> Outcome:
    """The outcome of training in as many processes as the trainer asks for."""
    before = set(run.unfinished.glob("*/*"))
    ended = launch("train", num_processes(config), config, run.folder, checkpoint)
    if ended.status > 128 and set(run.unfinished.glob("*/*")) - before:
        print_once([f"training was over; python train.py run={run.folder} runs the evaluation"])
    return ended


def freeze_resolvers(node: DictConfig | ListConfig, before: Any = None) -> None:
    """Replace what only a resolver knows by its value: the time and Hydra's folder must not change later.

    A run that resumes has the values of the config `before`, such as the id of its W&B run.
    """
    keys: list[Any] = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    for key in keys:
        if OmegaConf.is_interpolation(node, key):
            plain: Any = OmegaConf.to_container(node, resolve=False)
            if RESOLVER.search(plain[key]):
                source = before if is_plain(before, key) else node
                value = source[key]
                node[key] = escape_references(value) if isinstance(value, str) else value
        elif not OmegaConf.is_missing(node, key) and OmegaConf.is_config(node[key]):
            freeze_resolvers(node[key], before[key] if has_config(before, key) else None)


def is_plain(config: Any, key: Any) -> bool:
    """Whether a config holds a text or a number under a key, and no reference."""
    there = OmegaConf.is_dict(config) and key in config and not OmegaConf.is_interpolation(config, key)
    return there and isinstance(config[key], str | int | float)


def has_config(config: Any, key: Any) -> bool:
    """Whether a config holds another one under a key."""
    return OmegaConf.is_dict(config) and OmegaConf.is_config(config._get_node(key))


def resume_checkpoint(run: Run, ckpt: str) -> Path | None:
    """The checkpoint to resume from; None for a run that ended before it saved one."""
    return run.checkpoint(ckpt) if run.saved or ckpt != "last" else None


def latest_run(outputs: Path) -> Run:
    """The run whose last checkpoint is the newest."""
    found = sorted(outputs.rglob("checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise UserError(f"no run with a checkpoint is under {outputs}/; give run=<folder>")
    return Run.open(found[-1].parents[1])
