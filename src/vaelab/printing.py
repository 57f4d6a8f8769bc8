"""How a person is told something: tables of which nothing is cut, lines as they are, and progress.

Text is never markup: a name may hold brackets, `:smile:` or a line break, and is printed as it is.
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
FOLDED = 12  # the fewest characters of a column in which a text is folded
UNBOUNDED = 100_000  # more characters than any line has

# What is printed, as a logger: loggers such as W&B keep it with the run. It hands nothing on to the console.
printed = logging.getLogger("printed")
printed.propagate = False
printed.setLevel(logging.INFO)
printed.addHandler(logging.NullHandler())


def print_table(table: Table) -> None:
    """A table at its full width in a file or pipe; on a terminal, names and sentences are folded to fit.

    Columns with `no_wrap` are never folded. A terminal too narrow for them breaks the lines itself.
    """
    console = Console()
    narrowest, full = widths(table, console)
    console.width = min(full, max(console.width, narrowest)) if console.is_terminal else full
    table.title_justify = "left"
    with console.capture() as capture:
        console.print(table)
    print_line("\n".join(line.rstrip() for line in capture.get().rstrip().splitlines()))


def print_line(text: object) -> None:
    """One line on standard output, with escapes for what the stream cannot encode."""
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
    """The fewest columns that a table needs, where folding keeps FOLDED characters, and how many it fills unfolded."""
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
    """Whether output goes into a cell, where what is printed under Rich's live display prints itself again."""
    return Console().is_jupyter
