"""Prints tables, lines and progress bars.

Text is never parsed as markup: a name may contain brackets, `:smile:` or a line break.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

T = TypeVar("T")
FOLDED = 12  # smallest width of a folded column, in characters
UNBOUNDED = 100_000  # width in characters that no line reaches

# Receives everything that is printed, so that loggers such as W&B can save it. It writes nothing to the console.
printed = logging.getLogger("printed")
printed.propagate = False
printed.setLevel(logging.INFO)
printed.addHandler(logging.NullHandler())


def print_table(table: Table) -> None:
    """Print a table at full width into a file or pipe; on a terminal, fold cells to fit.

    Columns with `no_wrap` are never folded. A terminal that is too narrow for them breaks the lines itself.
    """
    console = Console()
    narrowest, full = widths(table, console)
    console.width = min(full, max(console.width, narrowest)) if console.is_terminal else full
    table.title_justify = "left"
    with console.capture() as capture:
        console.print(table)
    print_line("\n".join(line.rstrip() for line in capture.get().rstrip().splitlines()))


def print_line(text: object) -> None:
    """Print one line, with escapes for characters that the stream cannot encode."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        print(str(text).encode(encoding, "backslashreplace").decode(encoding), flush=True)
    printed.info("%s", Text.from_ansi(str(text)).plain)


@cache
def warn_once(log: logging.Logger, sentence: str) -> None:
    """Log a warning, unless this process has: a run builds its data again for each phase."""
    log.warning("%s", sentence)


def widths(table: Table, console: Console) -> tuple[int, int]:
    """The smallest width of a table, with columns folded to FOLDED characters, and its full width."""
    unbounded = console.options.update(max_width=UNBOUNDED)
    cells = [[column.header, *column.cells] for column in table.columns]
    each = [max(console.measure(cell, options=unbounded).maximum for cell in column) for column in cells]
    full = console.measure(table, options=unbounded).maximum
    folded = [
        width if column.no_wrap else min(width, FOLDED) for column, width in zip(table.columns, each, strict=True)
    ]
    return full - sum(each) + sum(folded), full


def track(items: Iterable[T], label: str, total: int, transient: bool = False) -> Iterator[T]:
    """The items, under a progress bar with a label."""
    if in_notebook():
        yield from tqdm(items, label, total, leave=not transient)
        return
    columns = (BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn(elapsed_when_finished=True))
    with Progress(TextColumn("{task.description}", markup=False), *columns, transient=transient) as progress:
        yield from progress.track(items, total, description=label)


def in_notebook() -> bool:
    """Whether output goes into a notebook cell, where printing under Rich's live display recurses."""
    return Console().is_jupyter
