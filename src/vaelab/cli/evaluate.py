"""vaelab evaluate: the numbers of any checkpoint, or of several runs side by side."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig

from vaelab.cli.hydra_app import application
from vaelab.cli.launch import launch, num_processes
from vaelab.cli.log_file import log_file
from vaelab.cli.outcome import Outcome, print_once, report_mistakes
from vaelab.cli.ranks import from_rank_zero
from vaelab.cli.run_folder import lock_folder
from vaelab.cli.saved_arguments import arguments_from_run, key_of
from vaelab.cli.sweep_table import compare
from vaelab.config import check
from vaelab.config.text import pop_folder
from vaelab.errors import UserError
from vaelab.printing import print_table
from vaelab.storage.reservation import reserve_empty
from vaelab.storage.run import Run
from vaelab.storage.summary import figures


@report_mistakes
def main(arguments: list[str]) -> int:
    """`run=<folder>[,<folder>…]`, `ckpt=best|last|<path>`, and any override of the runs' own configs.

    The exit status is the worst of all runs; a signal ends them all.
    """
    folders, rest = pop_folder(arguments, "run")
    ckpt, rest = pop_folder(rest, "ckpt")
    if folders is None:
        return application("evaluate", nothing_to_evaluate, rest)
    names = [folders] if Path(folders).exists() else [one.strip() for one in folders.strip("[]").split(",")]
    statuses, found = [], {}
    for name in names:
        status, into = evaluate_run(name, ckpt or "best", rest)
        statuses.append(status)
        if status > 128:
            break
        if into is not None and (into / "results.json").is_file():
            found[name] = [figures(into / "results.json")]
    if len(names) > 1 and found:
        print_table(compare(found))
    return max(statuses)


def evaluate_run(folder: str, ckpt: str, arguments: Sequence[str]) -> tuple[int, Path | None]:
    """Exit status, and where the results of one run are."""
    into: list[Path] = []
    keys = [key_of(argument) for argument in arguments]

    def task(config: DictConfig) -> Outcome:
        with lock_folder(run.folder):
            check(config, config.choices)
            checkpoint = run.checkpoint(ckpt)
            into.append(from_rank_zero(lambda: folder_now(run.folder / "evaluations")))
            with log_file(into[0] / "evaluate.log"):
                return evaluate(config, run, into[0], checkpoint, keys)

    try:
        run = Run.open(folder)
        overrides = arguments_from_run(run, "evaluate", arguments)
    except UserError as error:
        print_once([str(error)])
        return 1, None
    status = application("evaluate", task, overrides)
    return status, into[0] if into else None


def nothing_to_evaluate(config: DictConfig) -> Outcome:
    raise UserError("evaluate needs a run; give run=outputs/<model>-<data>/<date>_<time>")


def folder_now(above: Path) -> Path:
    """A new folder that is named after this moment."""
    return reserve_empty(above / f"{datetime.now():%Y-%m-%d_%H-%M-%S}")


def evaluate(config: DictConfig, run: Run, into: Path, checkpoint: Path, overrides: Sequence[str]) -> Outcome:
    """The outcome of an evaluation in as many processes as the trainer asks for."""
    ended = launch("evaluate", num_processes(config), config, run, into, checkpoint, overrides)
    if ended.status > 128:
        print_once(["what was measured is kept; the same command measures the rest"])
    return ended
