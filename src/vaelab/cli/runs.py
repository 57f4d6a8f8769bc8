"""vaelab runs: what became of the runs under a folder."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich import box
from rich.table import Table
from rich.text import Text

from vaelab.cli.help_text import build_help
from vaelab.cli.outcome import report_mistakes
from vaelab.cli.sweep_files import write_tables
from vaelab.config.text import pop_override
from vaelab.errors import UserError, did_you_mean
from vaelab.printing import print_line, print_table
from vaelab.storage.summary import Summary, summaries

SHOWN = ("elbo", "rate", "distortion")
STATES = ("running", "finished", "resumable", "failed", "pruned", "submitted")


@report_mistakes
def main(arguments: list[str]) -> int:
    """List the runs that match the arguments, the best or newest last; see conf/runs.yaml."""
    if {"--help", "-h"} & set(arguments):
        print(build_help("runs"))
        return 0
    options: dict[str, str | None] = {}
    for key in ("folder", "sweep", "status", "sort"):
        options[key], arguments = pop_override(arguments, key)
    check_arguments(arguments, options["status"])
    folder = Path(options["folder"] or "outputs")
    if options["sweep"]:
        folder = folder / "sweeps" / options["sweep"]
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; give folder=... or the name of a sweep under outputs/sweeps/")
    found = [run for run in summaries(folder) if matches(run, arguments, options["status"])]
    if not found:
        print_line(f"no run under {folder} matches")
        return 0
    key = (options["sort"] or "began").removeprefix("test/")
    print_table(table(in_order(found, key), folder, key))
    for run in found:
        if run.state == "failed" and run.sentence:
            print_line(f"{run.run.folder}: {run.sentence}")
    counts = Counter(run.state for run in found)
    print_line(", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]))
    if options["sweep"] and len(arguments) == 0 and options["status"] is None:
        write_tables(folder)
    return 0


def check_arguments(arguments: Sequence[str], status: str | None) -> None:
    """Raise UserError for words that are no filters, and for a state that does not exist."""
    for argument in arguments:
        if "=" not in argument or argument.startswith("-"):
            raise UserError(f"cannot read '{argument}'; filter by key=value, as in model=cvae")
    if status is not None and status not in STATES:
        suggestion = did_you_mean(status, STATES) or f"; use one of {', '.join(STATES)}"
        raise UserError(f"status={status} is unknown{suggestion}")


def matches(run: Summary, filters: Sequence[str], status: str | None) -> bool:
    """Whether a run has the state and every value asked for."""
    if status is not None and run.state != status:
        return False
    config = read(run.run.config_file) if filters else {}
    given = dict(one.partition("=")[::2] for one in run.overrides)  # all that a job has that failed early
    return all(
        (value_of(config, key) or given.get(key)) == text for key, _, text in (f.partition("=") for f in filters)
    )


def read(file: Path) -> Mapping[str, Any]:
    """A saved config as it is written; empty where it cannot be read."""
    try:
        found = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def value_of(config: Mapping[str, Any], key: str) -> str:
    """The value of a key, or the choice of a group, as one would type it; empty if there is none."""
    choice = (config.get("choices") or {}).get(key)
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    found = choice if choice is not None else node
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None else str(found)


def in_order(runs: Sequence[Summary], key: str) -> list[Summary]:
    """Sorted by when they began, or by a figure, those without it first. Raises UserError for an unknown figure."""
    if key == "began":
        return sorted(runs, key=lambda run: run.status.began if run.status else "")
    known = {name for run in runs for name in run.figures}
    if key not in known:
        suggestion = did_you_mean(key, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
        raise UserError(f"no run has the figure {key}{suggestion}")
    return sorted(runs, key=lambda run: run.figures.get(key, float("-inf")))


def table(runs: Sequence[Summary], folder: Path, key: str) -> Table:
    """One row per run: its folder, its state, when it began, and its figures."""
    columns = [*SHOWN, *([key] if key not in (*SHOWN, "began") else [])]
    shown = Table(title=f"runs under {folder}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column("run", overflow="fold")
    shown.add_column("state", no_wrap=True)
    shown.add_column("began", no_wrap=True)
    for column in columns:
        shown.add_column(column, justify="right", overflow="fold")
    for run in runs:
        began = run.status.began.replace("T", " ")[:16] if run.status else ""
        values = [f"{run.figures[name]:.5g}" if name in run.figures else "" for name in columns]
        shown.add_row(Text(str(run.run.folder.relative_to(folder))), run.state, began, *values)
    return shown
