"""The tables of a sweep: sweep.csv, means.csv and what is printed at its end."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from vaelab.cli.sweep_table import print_comparison
from vaelab.storage.atomic import write
from vaelab.storage.summary import Summary, summaries
from vaelab.storage.variants import by_variant, standard_error


def write_tables(folder: Path) -> None:
    """Write sweep.csv and means.csv into a sweep's folder, and print the comparison of its variants."""
    found = summaries(folder)
    write(folder / "sweep.csv", as_csv(job_row(one, folder) for one in found))
    write(folder / "means.csv", as_csv(mean_rows(found)))
    print_comparison(folder)


def job_row(job: Summary, folder: Path) -> dict[str, Any]:
    """A job's folder, state and overrides, why it failed, and its figures."""
    overrides = dict(one.partition("=")[::2] for one in job.overrides)
    status = job.status
    times = {} if status is None else {"began": status.began, "ended": status.ended}
    place = str(job.run.folder.relative_to(folder))
    return {
        "job": place,
        "state": job.state,
        **overrides,
        "sentence": " ".join(job.sentence.split()),
        **times,
        **job.figures,
    }


def mean_rows(jobs: Sequence[Summary]) -> list[dict[str, Any]]:
    """For each variant, jobs that differ only in the seed, the mean and the standard error of each figure."""
    rows = []
    for overrides, members in by_variant(jobs).items():
        row: dict[str, Any] = dict(one.partition("=")[::2] for one in overrides)
        row["seeds"] = len(members)
        for name in sorted({name for job in members for name in job.figures}):
            values = [job.figures[name] for job in members if name in job.figures]
            row[name] = mean(values)
            row[f"{name} (standard error)"] = standard_error(values)
        rows.append(row)
    return rows


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows under the columns that any of them has, in the order in which they first occur."""
    rows = list(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
