"""The table at the end of a multirun."""

from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from rich.table import Table
from rich.text import Text

from vaelab.printing import print_line, print_table
from vaelab.storage.summary import summaries


def print_comparison(folder: Path) -> None:
    """The table of a multirun's folder, if any job has results."""
    variants = collect(folder)
    if variants:
        print_table(compare(variants))
        print_line(f"run folders: {folder}")


def collect(folder: Path) -> dict[str, list[dict[str, float]]]:
    """The results of each variant's jobs; a variant is a job's overrides but for the seed and what all jobs share."""
    jobs = summaries(folder)
    told = {job.varying for job in jobs if job.figures}
    different = told if len(told) > 1 else {job.varying for job in jobs}
    shared = set.intersection(*map(set, different)) if len(different) > 1 else set()
    variants: dict[str, list[dict[str, float]]] = defaultdict(list)
    for job in jobs:
        if job.figures:
            variants[" ".join(one for one in job.varying if one not in shared)].append(job.figures)
    return variants


def compare(variants: dict[str, list[dict[str, float]]]) -> Table:
    """For each metric one row per variant: the mean, and the standard deviation over seeds where there are two."""
    several = any(len(runs) > 1 for runs in variants.values())
    table = Table(title="test split, mean ± standard deviation over seeds" if several else "test split")
    table.add_column("metric", overflow="fold")
    table.add_column("variant", overflow="fold")
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    for metric in sorted({key for runs in variants.values() for run in runs for key in run}):
        table.add_section()
        label = metric
        for name, runs in variants.items():
            found = [run[metric] for run in runs if metric in run]
            table.add_row(Text(label), Text(name), str(len(found)), cell(found))
            label = ""
    return table


def cell(found: list[float]) -> str:
    """`mean ± sd`, `mean` for one value, nothing for none."""
    if len(found) < 2:
        return f"{found[0]:.3f}" if found else ""
    return f"{mean(found):.3f} ± {stdev(found):.3f}"
