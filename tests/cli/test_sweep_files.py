"""sweep.csv holds every job, means.csv the mean and the standard error over seeds."""

import csv
import json
import math
from pathlib import Path

import pytest

from vaelab.cli.sweep_files import write_tables
from vaelab.storage.status import Status, write_status

CONFIG = "data:\n  shape: [1]\nmodel:\n  _target_: x\nchoices:\n  model: vae\n"
VALUES = {("1", "0"): -10.0, ("1", "1"): -12.0, ("1", "2"): -11.0, ("2", "0"): -20.0}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for number, ((beta, seed), value) in enumerate(VALUES.items()):
        folder = tmp_path / str(number)
        write_status(folder, Status("finished", (f"beta={beta}", f"seed={seed}")))
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "results.json").write_text(json.dumps({"elbo": {"value": value}}))
    write_status(tmp_path / "4", Status("failed", ("beta=2", "seed=1"), "no such\n  value"))
    write_tables(tmp_path)
    return tmp_path


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_job_has_a_row(sweep: Path) -> None:
    found = rows(sweep / "sweep.csv")
    assert [(row["job"], row["state"], row["beta"], row["seed"]) for row in found] == [
        *((str(number), "finished", *key) for number, key in enumerate(VALUES)),
        ("4", "failed", "2", "1"),
    ]
    assert [row["elbo"] for row in found] == ["-10.0", "-12.0", "-11.0", "-20.0", ""]
    assert found[4]["sentence"] == "no such value"


def test_means_are_over_the_seeds(sweep: Path) -> None:
    first, second = rows(sweep / "means.csv")
    assert (first["beta"], first["seeds"], float(first["elbo"])) == ("1", "3", -11.0)
    assert float(first["elbo (standard error)"]) == pytest.approx(1.0 / math.sqrt(3))
    assert (second["beta"], second["seeds"], second["elbo (standard error)"]) == ("2", "1", "")
