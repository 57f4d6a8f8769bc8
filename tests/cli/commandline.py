"""Runs the commands in this process where that is safe, else in another."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

SMALL = ("data=digits", "encoder=mlp", "decoder=mlp", "encoder.num_features=32", "decoder.num_features=32")
# One network of 20,000 weights on 1237 digits, no picture, no W&B.
FAST = (
    *SMALL,
    "latent_dim=4",
    "data.batch_size=32",
    "logger=csv",
    "callbacks=checkpoint",
    "trainer.log_every_n_steps=1",
)


def call(folder: Path, command: str, *arguments: str) -> int:
    """Exit status of a command, run here as if started in `folder`."""
    with chdir(folder):
        return import_module(f"vaelab.cli.{command}").main(last_of_each(arguments))


def last_of_each(arguments: Sequence[str]) -> list[str]:
    """Arguments of which the later override the earlier, such as those of FAST; a user may give each key once."""
    last = {argument.partition("=")[0]: place for place, argument in enumerate(arguments)}
    return [one for place, one in enumerate(arguments) if "=" not in one or last[one.partition("=")[0]] == place]


def start(
    folder: Path, command: str, *arguments: str, python: tuple[str, ...] = (), **variables: str
) -> subprocess.Popen:
    """A command in a process of its own, which writes what it says into out.txt and err.txt."""
    # W&B's variable names its service, which a process of its own would share with this one.
    inherited = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    return subprocess.Popen(
        [sys.executable, *python, "-m", "vaelab.cli.main", command, *last_of_each(arguments)],
        cwd=folder,
        stdout=(folder / "out.txt").open("w"),
        stderr=(folder / "err.txt").open("w"),
        env={**inherited, "OMP_NUM_THREADS": "1", **variables},
    )


def wait_until(process: subprocess.Popen, moment: Callable[[], bool], timeout: float = 120.0) -> None:
    """Wait until the process has come so far."""
    deadline = time.monotonic() + timeout
    while not moment():
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.01)


def only_run(folder: Path) -> Path:
    """The one run under outputs/."""
    (run,) = folder.glob("outputs/*/*")
    return run


def num_rows(folder: Path) -> int:
    """How many lines metrics.csv has by now."""
    return sum(len(path.read_text().splitlines()) for path in folder.glob("outputs/*/*/metrics.csv"))


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def results(folder: Path) -> dict[str, float]:
    return {name: record["value"] for name, record in json.loads((folder / "results.json").read_text()).items()}


def checkpoint(run: Path, name: str = "last") -> dict[str, Any]:
    return torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)


@dataclass(frozen=True)
class Tracked:
    """What W&B stored of one session of a run; the summary is the last of each key."""

    run: dict[str, Any]
    config: dict[str, Any]
    history: list[dict[str, Any]]
    output: str
    summary: dict[str, Any]
    alerts: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]
    metrics: dict[str, dict[str, Any]]


def tracked(run: Path, sessions_of: str = "offline-run-*") -> list[Tracked]:
    """The sessions of a run, in their order, as W&B's own reader shows them."""
    sessions = []
    for folder in sorted(run.glob(f"wandb/{sessions_of}")):
        reader = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
        lines = subprocess.run(reader, capture_output=True, text=True, check=True).stdout.splitlines()
        records = [json.loads(line) for line in lines if line.startswith("{")]
        (begun,) = (record["run"] for record in records if record["type"] == "run")
        (config,) = (record["config"]["update"] for record in records if record["type"] == "config")
        rows = [record["history"]["item"] for record in records if record["type"] == "history"]
        said = [record["output_logger"]["line"] for record in records if record["type"] == "output_logger"]
        summary = [record["summary"].get("update", {}) for record in records if record["type"] == "summary"]
        alerts, artifacts, defined = (
            [record[kind] for record in records if record["type"] == kind] for kind in ("alert", "artifact", "metric")
        )
        sessions.append(
            Tracked(
                begun,
                config,
                rows,
                "".join(said),
                {key: value for update in summary for key, value in update.items()},
                alerts,
                artifacts,
                {metric.get("name") or metric["glob_name"]: metric for metric in defined},
            )
        )
    return sessions


def assert_same(found: Any, expected: Any, place: str = "checkpoint") -> None:
    """Equal in every bit, in nested dicts and lists."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected:
            assert_same(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), place
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{place}[{number}]")
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected), place
    else:
        assert found == expected, place


def without_traceback(folder: Path) -> list[str]:
    """What a process said on standard error, W&B's own lines left out."""
    said = (folder / "err.txt").read_text() + (folder / "out.txt").read_text()
    assert "Traceback" not in said, said
    return [line for line in (folder / "err.txt").read_text().splitlines() if line and not line.startswith("wandb:")]
