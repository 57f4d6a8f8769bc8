"""Measurements in files: valid JSON, and no silent loss of values."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vaelab.cli.sweep_table import compare
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.record import Record, as_json
from vaelab.evaluation.result_cache import ResultCache
from vaelab.jobs.results_table import print_results
from vaelab.storage.summary import figures

GIVEN = Measurement("kid/inception64/n10", 0.25, "squared MMD", 10, error=0.5, floor=0.125, warning="few images")
NOT_FINITE = [math.nan, math.inf, -math.inf]

every_number = pytest.mark.parametrize("name", ["value", "error", "floor"])
not_finite = pytest.mark.parametrize("number", NOT_FINITE)


def strict(text: str) -> Any:
    """Read as everybody else's JSON is."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def record(measurement: Measurement) -> Record:
    return Record(measurement, "test", "digits", False, 100, 0, "32-true", 0.5, "1.0")


@every_number
@not_finite
def test_a_non_finite_value_is_null_with_a_warning(name: str, number: float) -> None:
    measurement = replace(GIVEN, **{name: number})
    written = strict(json.dumps(as_json({measurement.name: record(measurement)}, {}), allow_nan=False))[
        measurement.name
    ]
    assert written[name] is None
    assert written["warning"] == f"few images; its {name} is {number}"
    assert all(written[other] == getattr(GIVEN, other) for other in ("value", "error", "floor") if other != name)


def test_finite_values_round_trip() -> None:
    written = as_json({GIVEN.name: record(GIVEN)}, {})[GIVEN.name]
    assert list(written)[:2] == ["value", "unit"]
    assert written["warning"] == "few images"
    assert replace(GIVEN, error=None, floor=None, warning="").warning == ""


@every_number
@not_finite
def test_the_cache_keeps_non_finite_values(name: str, number: float, tmp_path: Path) -> None:
    cache, measurement = ResultCache(tmp_path, 0, 1), replace(GIVEN, **{name: number})
    cache.save_result("kid", [measurement], ["a sentence"], 1.0)
    strict((tmp_path / "kid.json").read_text().partition("\n")[2])
    found = cache.load_result("kid")
    assert found is not None
    ((again,), skipped, seconds) = found
    assert (skipped, seconds, again.warning) == (["a sentence"], 1.0, measurement.warning)
    assert as_json({"kid": record(again)}, {}) == as_json({"kid": record(measurement)}, {})


def test_an_earlier_cache_file_is_read_with_its_nan(tmp_path: Path) -> None:
    measurement = {"name": "elbo", "value": math.nan, "unit": "nats", "num_examples": 7}
    cache = ResultCache(tmp_path, 0, 1)
    text = json.dumps({"measurements": [measurement], "skipped": [], "seconds": 2.0})
    cache.write(tmp_path / "old.json", text.encode())
    found = cache.load_result("old")
    assert found is not None
    assert found[0][0].warning == "its value is nan"


@pytest.mark.parametrize(
    "text", ["", "[1, 2", "[]", '{"measurements": [3], "skipped": [], "seconds": 1}', "{}", "null"]
)
def test_a_damaged_cache_file_is_ignored(text: str, tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, 0, 1)
    cache.write(tmp_path / "spoilt.json", text.encode())
    assert cache.load_result("spoilt") is None


def test_a_cache_that_cannot_be_written_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache = ResultCache(tmp_path / "file" / "folder", 0, 1)
    for _ in range(2):
        cache.save_result("kid", [GIVEN], [], 1.0)
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}/file/folder cannot be written (")


def test_results_with_a_null_are_compared_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = {"a": record(replace(GIVEN, value=math.nan)), "b": record(GIVEN)}
    (tmp_path / "results.json").write_text(json.dumps(as_json(records, {})))
    assert figures(tmp_path / "results.json") == {"b": 0.25}
    Console().print(compare({"one": [figures(tmp_path / "results.json")]}))
    print_results(records, tmp_path)
    assert "a: few images; its value is nan" in capsys.readouterr().out
