"""A number with its protocol: what results.json holds for each metric."""

from dataclasses import asdict, dataclass
from typing import Any

from vaelab.evaluation.measurement import Measurement


@dataclass(frozen=True)
class Record:
    """A measurement and the settings of its evaluation; `seconds` is the duration of the whole measure.

    `data` is the fingerprint of the split's examples; `other_data` says that the model was trained on other data.
    """

    measurement: Measurement
    split: str
    data: str
    other_data: bool
    chunk: int
    seed: int
    precision: str
    seconds: float
    code_version: str

    @property
    def value(self) -> float:
        return self.measurement.value


def as_json(records: dict[str, Record], checkpoint: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Plain dictionaries in alphabetical order, each with the checkpoint that was measured."""
    return {name: {**flatten_record(records[name]), "checkpoint": checkpoint} for name in sorted(records)}


def flatten_record(record: Record) -> dict[str, Any]:
    """One level of keys: those of the measurement without its name, then those of the record."""
    keys, measurement = asdict(record), record.measurement.as_json()
    del keys["measurement"], measurement["name"]
    return {**measurement, **keys}
