"""The table at the end of a multirun."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vaelab.evaluation.direction import better
from vaelab.printing import print_line, print_table
from vaelab.storage.summary import summaries
from vaelab.storage.variants import by_variant, standard_error

ARROWS = {"more": "↑", "less": "↓"}  # what is better


def print_comparison(folder: Path) -> None:
    """The table of a multirun's folder, if any job has results."""
    variants = collect(folder)
    if variants:
        print_table(compare(variants))
        print_line(f"run folders: {folder}")


def collect(folder: Path) -> dict[str, list[dict[str, float]]]:
    """The results of each variant's jobs; a variant is a job's overrides but for the seed and what all jobs share."""
    jobs = summaries(folder)
    found = by_variant(jobs)
    different = set(found) if len(found) > 1 else {job.varying for job in jobs}
    shared = set.intersection(*map(set, different)) if len(different) > 1 else set()
    return {
        " ".join(one for one in overrides if one not in shared): [job.figures for job in members]
        for overrides, members in found.items()
    }


def compare(variants: dict[str, list[dict[str, float]]]) -> Table:
    """For each metric its variants, the best first: rank, number of seeds, mean and its standard error over seeds.

    An arrow says whether more or less is better; metrics without one have no ranks. The best variant is bold.
    """
    several = any(len(runs) > 1 for runs in variants.values())
    title = "test split, mean ± standard error over seeds" if several else "test split"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("metric and variant", overflow="fold")
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    for metric in sorted({key for runs in variants.values() for run in runs for key in run}):
        found = {name: [run[metric] for run in runs if metric in run] for name, runs in variants.items()}
        direction, places = better(metric), decimal_places(found.values())
        ranks = rank_variants(found, direction)
        table.add_row("", Text(f"{metric} {ARROWS[direction]}" if direction else metric))
        for name in sorted(found, key=lambda name: ranks.get(name, len(found))):
            style = "bold" if ranks.get(name) == 1 and max(ranks.values()) > 1 else ""
            variant = Padding(Text(name), (0, 0, 0, 2))
            table.add_row(
                f"{ranks.get(name, '')}", variant, f"{len(found[name])}", cell(found[name], places), style=style
            )
        table.add_section()
    return table


def rank_variants(found: Mapping[str, Sequence[float]], direction: str | None) -> dict[str, int]:
    """The rank of each variant with values: 1 has the best mean, equal means share one. None without a direction."""
    sign = {"more": -1.0, "less": 1.0}
    losses = {name: sign[direction] * mean(values) for name, values in found.items() if values} if direction else {}
    ordered = sorted(losses.values())
    return {name: 1 + ordered.index(loss) for name, loss in losses.items()}


def decimal_places(groups: Iterable[Sequence[float]]) -> int:
    """Decimals that show two digits of the smallest standard error, and five digits of a usual mean at most."""
    groups = [values for values in groups if values]
    means = [abs(mean(values)) for values in groups]
    errors = [error for values in groups if (error := standard_error(values))]
    if not errors and all(value.is_integer() for value in means):
        return 0
    usual = median([value for value in means if value] or [1.0])
    wanted = [4 - math.floor(math.log10(usual)), *(1 - math.floor(math.log10(error)) for error in errors)]
    return max(0, min(wanted[0], max(wanted[1:], default=wanted[0])))


def cell(values: Sequence[float], places: int) -> str:
    """`mean ± standard error`, the value if there is one, nothing for none."""
    if not values:
        return ""
    error = standard_error(values)
    return f"{mean(values):.{places}f}" + ("" if error is None else f" ± {error:.{places}f}")
