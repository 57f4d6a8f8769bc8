"""Cached results are only read if this user wrote them."""

import os
from pathlib import Path

import pytest
import torch
from torchmetrics import MeanMetric

from vaelab.evaluation import result_cache as module
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.result_cache import ResultCache

FIGURE = Measurement("elbo", 1.0, "nats", 7)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    return tmp_path / "mine" / "vaelab"


def written(folder: Path) -> ResultCache:
    """A cache that holds one finished measure and one loop under way."""
    cache, metric = ResultCache(folder, 0, 1), MeanMetric()
    metric.update(torch.tensor(3.0))
    cache.save_result("elbo", [FIGURE], [], 1.0)
    cache.save_states("loop", metric, 5)
    return cache


def counts(cache: ResultCache) -> bool:
    """Whether what a cache holds is believed, its measurements and its states alike."""
    metric = MeanMetric()
    measurements, done = cache.load_result("elbo"), cache.resume("loop", metric)
    assert (measurements is None) == (done == 0) == (float(metric.weight) == 0)
    return done == 5


def test_files_of_this_user_are_read(tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    written(tmp_path / "run")
    assert counts(ResultCache(tmp_path / "run", 0, 1))
    assert not caplog.messages
    (key,) = cache.iterdir()
    assert key.stat().st_mode & 0o777 == 0o600


def test_files_of_another_user_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = written(tmp_path / "run")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    assert not counts(cache)
    assert caplog.messages == [
        f"{tmp_path}/run/{name} was not written by you, or was altered; what it holds is measured again"
        for name in ("elbo.json", "loop.0of1.pt")
    ]


def test_files_without_a_signature_are_ignored(tmp_path: Path) -> None:
    cache = written(tmp_path / "run")
    path = tmp_path / "run" / "elbo.json"
    path.write_text(path.read_text().partition("\n")[2])
    assert cache.load_result("elbo") is None


def test_altered_files_are_ignored(tmp_path: Path) -> None:
    cache = written(tmp_path / "run")
    path = tmp_path / "run" / "elbo.json"
    path.write_text(path.read_text().replace("1.0", "2.0"))
    assert cache.load_result("elbo") is None


def test_files_of_another_model_or_measure_are_ignored(tmp_path: Path) -> None:
    cache = written(tmp_path / "run")
    (tmp_path / "run" / "elbo.json").rename(tmp_path / "run" / "bce.json")
    assert cache.load_result("bce") is None
    (tmp_path / "run").rename(tmp_path / "other")
    assert ResultCache(tmp_path / "other", 0, 1).resume("loop", MeanMetric()) == 0


@pytest.mark.parametrize("name", ["elbo.json", "loop.0of1.pt"])
def test_a_pipe_is_ignored(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    cache = ResultCache(tmp_path, 0, 1)
    assert not counts(cache)


@pytest.mark.parametrize("damage", [lambda key: key.chmod(0o644), lambda key: key.write_bytes(b"short")])
def test_a_key_that_others_can_read_is_not_used(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    written(tmp_path / "run")
    damage(cache / "results.key")  # type: ignore[operator]
    assert not counts(written(tmp_path / "run"))
    assert f"{cache}/results.key is no" in caplog.messages[0]
