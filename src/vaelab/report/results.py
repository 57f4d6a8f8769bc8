"""The results of a run, each with its protocol."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADLINES = ("elbo", "nll/", "bce/", "rate", "distortion", "fid/", "label_fidelity/", "active_units")
NUM_HEADLINES = 6


@dataclass(frozen=True)
class Result:
    """One record of results.json, as a page shows it; a value that is not finite is None."""

    name: str
    value: float | None
    error: float | None
    floor: float | None
    unit: str
    num_examples: int
    num_samples: int
    features: str
    split: str
    warning: str
    other_data: bool

    @property
    def title(self) -> str:
        """What is measured, without its protocol."""
        return self.name.partition("/")[0]

    @property
    def protocol(self) -> str:
        """How it is measured."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class Measured:
    """What all results of a run have in common: the checkpoint and the version of the code."""

    checkpoint: str
    step: int
    trained_steps: int
    precision: str
    code_version: str


def read_results(path: Path) -> tuple[list[Result], Measured | None]:
    """The records of a results.json in their order, and where they come from; none without such a file."""
    try:
        found = json.loads(path.read_text())
        return [result_of(name, keys) for name, keys in found.items()], measured_of(list(found.values()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return [], None


def result_of(name: str, keys: dict[str, Any]) -> Result:
    """One record; files of earlier versions lack some keys."""
    return Result(
        name=name,
        value=keys["value"],
        error=keys.get("error"),
        floor=keys.get("floor"),
        unit=keys.get("unit", ""),
        num_examples=keys.get("num_examples", 0),
        num_samples=keys.get("num_samples", 0),
        features=keys.get("features", ""),
        split=keys.get("split", ""),
        warning=keys.get("warning", ""),
        other_data=keys.get("other_data", False),
    )


def measured_of(records: Sequence[dict[str, Any]]) -> Measured | None:
    """What the first record says about its origin."""
    if not records:
        return None
    first = records[0]
    saved = first["checkpoint"]
    return Measured(
        saved["name"], saved["step"], saved["trained_steps"], first.get("precision", ""), first.get("code_version", "")
    )


def headlines(results: Sequence[Result]) -> list[Result]:
    """The results that a reader looks for first."""
    found = [next((one for one in results if one.name.startswith(name)), None) for name in HEADLINES]
    return [one for one in found if one is not None][:NUM_HEADLINES]
