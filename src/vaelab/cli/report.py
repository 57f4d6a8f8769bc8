"""vaelab report: the page of a run, of a sweep, or of several runs."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig

from vaelab.cli.hydra_app import application
from vaelab.cli.launch import launch
from vaelab.cli.outcome import Outcome, report_mistakes
from vaelab.cli.ranks import is_rank_zero
from vaelab.cli.run_folder import lock_folder
from vaelab.cli.saved_arguments import arguments_from_run
from vaelab.config import check
from vaelab.config.text import pop_folder, pop_override
from vaelab.errors import UserError
from vaelab.printing import print_line
from vaelab.storage.reservation import reserve_empty
from vaelab.storage.run import Run

SWEEPS, COMPARISONS = Path("outputs/sweeps"), Path("outputs/comparisons")


@report_mistakes
def main(arguments: list[str]) -> int:
    """`run=<folder>[,<folder>…]` or `sweep=<folder or name>`."""
    folders, rest = pop_folder(arguments, "run")
    sweep, rest = pop_folder(rest, "sweep")
    if {"--help", "-h"} & set(rest) or (folders is None and sweep is None):
        return application("report", nothing_to_report, rest)
    if folders is not None and sweep is not None:
        raise UserError(f"run={folders} and sweep={sweep} are pages of their own; give one of them")
    if sweep is not None:
        return report_sweep(sweep, rest)
    assert folders is not None
    names = [folders] if Path(folders).exists() else [one.strip() for one in folders.strip("[]").split(",")]
    return report_run(names[0], rest) if len(names) == 1 else report_runs(names, rest)


def nothing_to_report(config: DictConfig) -> Outcome:
    raise UserError("report needs a run or a sweep; give run=outputs/<model>-<data>/<date>_<time> or sweep=<name>")


def report_run(folder: str, arguments: Sequence[str]) -> int:
    """Exit status of drawing the page of one run again, under any override of its own config."""
    ckpt, rest = pop_folder(arguments, "ckpt")
    run = Run.open(folder)

    def task(config: DictConfig) -> Outcome:
        with lock_folder(run.folder):
            check(config, config.choices)
            checkpoint = run.checkpoint(ckpt or "best") if ckpt or run.saved else None
            return launch("report", 1, config, run, checkpoint)

    return application("report", task, arguments_from_run(run, "report", rest))


def report_sweep(name: str, arguments: Sequence[str]) -> int:
    """Exit status of writing the page of a sweep, which needs neither its models nor its data."""
    objectives = pop_objectives(arguments)
    folder = Path(name) if Path(name).is_dir() else SWEEPS / name
    if not folder.is_dir():
        raise UserError(f"sweep={name} is neither a folder nor the name of one in {SWEEPS}/; give its folder")
    if is_rank_zero():
        from vaelab.report.sweep_page import write_sweep_report  # draws charts, which takes a second to import

        print_line(f"report: {write_sweep_report(folder, objectives)}")
    return 0


def report_runs(names: Sequence[str], arguments: Sequence[str]) -> int:
    """Exit status of writing one page of several runs into a new folder."""
    objectives = pop_objectives(arguments)
    runs = [Run.open(name) for name in names]
    if is_rank_zero():
        from vaelab.report.sweep_page import write_comparison

        into = reserve_empty(COMPARISONS / f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
        print_line(f"report: {write_comparison([run.folder for run in runs], into, objectives)}")
    return 0


def pop_objectives(arguments: Sequence[str]) -> list[str]:
    """The figures that `objectives=[…]` names. Raises UserError for any other argument."""
    objectives, rest = pop_override(arguments, "objectives")
    if rest:
        raise UserError(f"{rest[0]} has no effect on a page of several runs; it takes objectives=[…] and nothing else")
    return [one.strip().strip("'\"") for one in (objectives or "").strip("[]").split(",") if one.strip()]
