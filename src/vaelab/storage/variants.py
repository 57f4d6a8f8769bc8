"""Runs that differ only by their seed, and the spread of their figures."""

import math
from collections.abc import Iterable, Sequence
from statistics import stdev

from vaelab.storage.summary import Summary


def by_variant(runs: Iterable[Summary]) -> dict[tuple[str, ...], list[Summary]]:
    """The runs that have figures, by their overrides without the seed."""
    variants: dict[tuple[str, ...], list[Summary]] = {}
    for run in runs:
        if run.figures:
            variants.setdefault(run.varying, []).append(run)
    return variants


def standard_error(values: Sequence[float]) -> float | None:
    """The standard error of the mean; None for a single value."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
