"""The table at the end of a multirun."""

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.table import Table
from rich.text import Text

from vaelab.cli.ranks import is_rank_zero
from vaelab.printing import print_line, print_table


class Comparison(Callback):
    """Prints the results of all jobs of a multirun that have any."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if is_rank_zero():
            print_comparison(Path(config.hydra.sweep.dir))


def print_comparison(folder: Path) -> None:
    """The table of a multirun's folder, if any job has results."""
    variants = collect(folder)
    if variants:
        print_table(compare(variants))
        print_line(f"run folders: {folder}")


def collect(folder: Path) -> dict[str, list[dict[str, float]]]:
    """The results of each variant's jobs; a variant is a job's overrides but for the seed."""
    variants: dict[str, list[dict[str, float]]] = defaultdict(list)
    for saved in sorted(
        folder.rglob(".hydra/overrides.yaml"), key=lambda path: natural_order(path.relative_to(folder))
    ):
        results = saved.parents[1] / "results.json"
        if results.is_file():
            overrides = OmegaConf.to_container(OmegaConf.load(saved))
            assert isinstance(overrides, list)
            name = " ".join(str(one) for one in overrides if not str(one).startswith("seed="))
            variants[name].append(values(results))
    return varying(variants)


def natural_order(path: Path) -> list[tuple[int, str]]:
    """A key to sort by: text as it is, and numbers by their value, so that job 10 comes after job 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]


def values(results: Path) -> dict[str, float]:
    """The number of each metric of a results.json, but for what was not finite and is null there."""
    found = {key: record["value"] for key, record in json.loads(results.read_text()).items()}
    return {key: value for key, value in found.items() if value is not None}


def varying(variants: dict[str, list[dict[str, float]]]) -> dict[str, list[dict[str, float]]]:
    """The same under shorter names, without the overrides that all variants have."""
    words = [set(name.split(" ")) for name in variants]
    shared = set.intersection(*words) if len(words) > 1 else set()
    return {" ".join(word for word in name.split(" ") if word not in shared): runs for name, runs in variants.items()}


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
