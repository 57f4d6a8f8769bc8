"""A W&B sweep: its config is valid by W&B's schema, and an agent of W&B trains what it is told."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import results
from tracking_server import TrackingServer

from vaelab.config.run_config import load_config
from vaelab.storage.run import Run

ROOT = Path(__file__).parents[2]
FILE = ROOT / "conf" / "wandb_sweep.yaml"
BRIEF = {"data": "digits", "encoder": "mlp", "decoder": "mlp", "trainer": "smoke", "callbacks": "checkpoint"}


@pytest.fixture
def sweep() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())


def test_the_config_is_valid_by_the_schema_of_weights_and_biases(sweep: dict[str, Any]) -> None:
    sweeps = pytest.importorskip("sweeps", reason="pip install --no-deps sweeps jsonref: the bound on numpy is old")
    assert sweeps.schema_violations_from_proposed_config(sweep) == []
    assert sweeps.schema_violations_from_proposed_config({**sweep, "method": "guess"}) != []
    run = sweeps.next_run(sweep, [], validate=True)
    assert set(run.config) == set(sweep["parameters"])
    for key, low, high in (("objective.beta", 0.25, 4.0), ("optimizer.lr", 1e-4, 1e-2)):
        assert low <= run.config[key]["value"] <= high


def test_the_metric_is_the_one_that_chooses_checkpoints(sweep: dict[str, Any], composed: Any) -> None:
    checkpoint = composed().callbacks.checkpoint
    assert sweep["metric"]["name"] == checkpoint.monitor
    assert sweep["metric"]["goal"] == f"{checkpoint.mode}imize"


@pytest.mark.slow
def test_an_agent_trains_what_it_is_told(sweep: dict[str, Any], tmp_path: Path) -> None:
    """W&B's own agent, with a server that proposes two runs; each takes the id that the sweep gave it."""
    proposals = [
        {"model": "beta_vae", **BRIEF, "latent_dim": 4, "objective.beta": 0.5, "optimizer.lr": 1e-05},
        {"model": "beta_vae", **BRIEF, "latent_dim": 8, "objective.beta": 2.25, "optimizer.lr": 0.002},
    ]
    (tmp_path / "train.py").symlink_to(ROOT / "train.py")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    with TrackingServer(sweep=FILE.read_text(), proposals=proposals) as server:
        variables = {name: value for name, value in server.variables.items() if value}
        done = subprocess.run(
            [sys.executable, "-m", "wandb", "agent", "us/vaelab/abc123"],
            cwd=tmp_path,
            env={**inherited, **variables, "WANDB_MODE": "online", "PATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        started = server.asked("UpsertBucket")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(call["name"], call["sweep"]) for call in started if call.get("sweep")} == {
        ("run1", "abc123"),
        ("run0", "abc123"),
    }
    runs = sorted(tmp_path.glob("outputs/*/*/results.json"))
    assert len(runs) == 2
    for path, given in zip(runs, proposals, strict=True):
        config = load_config(Run(path.parent))
        assert (config.latent_dim, config.objective.beta, config.optimizer.lr) == tuple(list(given.values())[-3:])
        assert results(path.parent)["elbo"]
