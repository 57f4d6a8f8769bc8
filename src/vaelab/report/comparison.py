"""Several runs side by side, as their folders tell them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vaelab.report.results import HEADLINES, NUM_HEADLINES
from vaelab.storage.summary import Summary

SEED = "seed"
UNNAMED = ("sweep_name", "hydra.run.dir", "hydra.sweep.dir", "tags")  # say nothing about the model


class Variant(NamedTuple):
    """Runs that differ only by their seed; `settings` are the values of the keys that vary."""

    settings: tuple[str, ...]
    runs: tuple[Summary, ...]

    def values(self, figure: str) -> list[float]:
        """A figure of each run that has it."""
        return [run.figures[figure] for run in self.runs if figure in run.figures]


@dataclass(frozen=True)
class Comparison:
    """Runs in their order, and the folder from which their pages are linked.

    Attributes:
        runs: what the folders tell.
        folder: the folder of the page.
        objectives: the figures by which runs are ranked; none is the ELBO, or the first figure there is.
    """

    runs: Sequence[Summary]
    folder: Path
    objectives: Sequence[str] = ()

    @cached_property
    def keys(self) -> list[str]:
        """The keys that differ between runs, the seed last."""
        settings = [settings_of(run) for run in self.runs]
        every = dict.fromkeys(key for one in settings for key in one)
        varied = [key for key in every if len({one.get(key, "") for one in settings}) > 1]
        return [key for key in varied if key != SEED] + [key for key in varied if key == SEED]

    @cached_property
    def variant_keys(self) -> list[str]:
        """The keys that differ between variants."""
        return [key for key in self.keys if key != SEED]

    @cached_property
    def variants(self) -> list[Variant]:
        """The variants in the order of their first run."""
        found: dict[tuple[str, ...], list[Summary]] = {}
        for run in self.runs:
            found.setdefault(tuple(self.setting(run, key) for key in self.variant_keys), []).append(run)
        return [Variant(settings, tuple(runs)) for settings, runs in found.items()]

    @cached_property
    def finished(self) -> list[Summary]:
        """The runs with figures."""
        return [run for run in self.runs if run.figures]

    @cached_property
    def figures(self) -> list[str]:
        """The names of all figures."""
        return sorted({name for run in self.runs for name in run.figures})

    @cached_property
    def headlines(self) -> list[str]:
        """The figures that a reader looks for first: the objectives, then those of a run's page."""
        found = [next((name for name in self.figures if name.startswith(first)), None) for first in HEADLINES]
        usual = [name for name in found if name is not None]
        return list(dict.fromkeys([*self.ranked_by, *usual]))[: max(NUM_HEADLINES, len(self.ranked_by))]

    @cached_property
    def ranked_by(self) -> list[str]:
        """The objectives."""
        return list(self.objectives) or [name for name in ("elbo", *self.figures) if name in self.figures][:1]

    def setting(self, run: Summary, key: str) -> str:
        """The value of a key in a run; empty where it was not given."""
        return settings_of(run).get(key, "")

    def name(self, run: Summary) -> str:
        """A run's folder, as seen from the page."""
        folder, here = run.run.folder.resolve(), self.folder.resolve()
        return str(folder.relative_to(here)) if folder.is_relative_to(here) else folder.name

    def label(self, variant: Variant) -> str:
        """A variant as `key=value …`, with the last part of each key."""
        pairs = zip(self.variant_keys, variant.settings, strict=True)
        return " ".join(f"{key.rpartition('.')[2]}={value or 'default'}" for key, value in pairs) or "all runs"


def settings_of(run: Summary) -> dict[str, str]:
    """The overrides of a run by key."""
    pairs = (one.partition("=") for one in run.overrides)
    return {key.lstrip("+~"): value for key, _, value in pairs if key.lstrip("+~") not in UNNAMED}


def as_number(text: str) -> float | None:
    """The number that a setting is, or None."""
    try:
        return float(text)
    except ValueError:
        return None
