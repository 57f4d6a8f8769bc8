"""The checks give the same results on one process, on two, and in `evaluate`."""

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import SMALL, call
from pair import run_in_pair

CHOSEN = ("callbacks=[checkpoint,evaluate,health_check]", "evaluation=reconstruction", "logger=csv")
PAIR = ("trainer.devices=2", "trainer.strategy=ddp")


def health(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "health.json").read_text())


def test_one_process_equals_two(tmp_path: Path) -> None:
    train = ("train", *SMALL, "model=cvae", *CHOSEN, "trainer.max_epochs=3", "trainer.gradient_clip_val=30")
    run_in_pair(tmp_path, [(*train, *PAIR, "hydra.run.dir=run", "likelihood=gaussian_optimal", "data.batch_size=32")])
    run = tmp_path / "run"
    assert (run / "health.json").is_file(), (tmp_path / "pair0.txt").read_text()
    one = ("trainer.devices=1", "trainer.strategy=auto")
    assert call(tmp_path, "evaluate", "run=run", *one) == 0
    (evaluation,) = (run / "evaluations").iterdir()
    found, again = health(run), health(evaluation)
    assert list(found) == list(again)
    for name, line in found.items():
        assert line["verdict"] == again[name]["verdict"]
        # What has no measurement is as good as one of zero.
        assert (line["value"] or 0) == pytest.approx(again[name]["value"] or 0, rel=1e-5, abs=1e-5)
        assert line["details"] == pytest.approx(again[name]["details"], rel=1e-5)
    assert found["traversal"]["details"]
    assert found["clipped gradients"]["value"] is not None
