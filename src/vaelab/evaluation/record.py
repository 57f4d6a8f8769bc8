"""A number with its protocol: what results.json holds for each metric."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One final number: `num_examples` is N, `num_samples` is k (0 where no latents are sampled)."""

    value: float
    unit: str
    split: str
    num_examples: int
    num_samples: int
    chunk: int
    seed: int
    precision: str
    seconds: float
    code_version: str


def as_json(records: dict[str, Record]) -> dict[str, dict[str, Any]]:
    """Plain dictionaries, in alphabetical order."""
    return {name: asdict(records[name]) for name in sorted(records)}
