"""Damage anywhere in a run folder ends with one message or is ignored, never with a traceback."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from commandline import FAST, call, metrics


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    smoke = (*FAST, "trainer=smoke", "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction")
    assert call(folder, "train", *smoke, "hydra.run.dir=run") == 0
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return shutil.copytree(trained, tmp_path / "run")


def edited(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        for path in (run / "checkpoints").iterdir():
            saved = torch.load(path, weights_only=True)
            change(saved)
            torch.save(saved, path)

    return edit


CHECKPOINTS: dict[str, Callable[[Path], object]] = {
    "no optimizer": edited(lambda saved: saved.pop("optimizer_states")),
    "another optimizer": edited(lambda saved: saved["optimizer_states"][0]["param_groups"][0]["params"].pop()),
    "optimizer is text": edited(lambda saved: saved.update(optimizer_states="none")),
    "no loops": edited(lambda saved: saved.pop("loops")),
    "empty loops": edited(lambda saved: saved.update(loops={})),
    "loops of another kind": edited(lambda saved: saved["loops"].update(fit_loop={"a": 1})),
    "no scheduler": edited(lambda saved: saved.pop("lr_schedulers")),
    "callbacks are a list": edited(lambda saved: saved.update(callbacks=[])),
    "a weight less": edited(lambda saved: saved["state_dict"].pop(next(iter(saved["state_dict"])))),
    "a weight of another shape": edited(
        lambda saved: saved["state_dict"].update({next(iter(saved["state_dict"])): torch.zeros(1)})
    ),
    "weights are text": edited(lambda saved: saved["state_dict"].update({next(iter(saved["state_dict"])): "x"})),
    "step is text": edited(lambda saved: saved.update(global_step="8")),
    "no version": edited(lambda saved: saved.pop("pytorch-lightning_version")),
    "a list": lambda run: [torch.save([1], path) for path in (run / "checkpoints").iterdir()],
    "a folder": lambda run: [(p.unlink(), p.mkdir()) for p in (run / "checkpoints").iterdir()],
    "a file for the folder": lambda run: (shutil.rmtree(run / "checkpoints"), (run / "checkpoints").touch()),
}


@pytest.mark.parametrize("name", ["results.json", "metrics.csv", "train.log", "checkpoints/best.ckpt", "evaluations"])
@pytest.mark.parametrize("command", ["train", "evaluate", "sample"])
def test_no_command_waits_for_a_pipe(run: Path, capsys: pytest.CaptureFixture[str], name: str, command: str) -> None:
    if (run / name).is_dir():
        shutil.rmtree(run / name)
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    assert call(run.parent, command, "run=run") == 1
    assert capsys.readouterr().err == f"run/{name} is a pipe or a device, which no run holds; remove it\n"


QUICK = ("no optimizer", "empty loops", "a weight less", "metrics.csv cut", "results.json cut")


def each(names: dict[str, Callable[[Path], object]]) -> list:
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", each(CHECKPOINTS))
def test_damaged_checkpoints(name: str, run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    published = (run / "results.json").read_bytes()
    CHECKPOINTS[name](run)
    for command, arguments in (("train", ["trainer.max_epochs=3"]), ("evaluate", []), ("sample", ["num_samples=2"])):
        status = call(run.parent, command, "run=run", *arguments)
        captured = capfd.readouterr()
        assert "Traceback" not in captured.out + captured.err
        assert status == 0 or captured.err.strip()
        if command == "train" and status:
            assert (run / "results.json").read_bytes() == published


OTHERS: dict[str, Callable[[Path], object]] = {
    "metrics.csv cut": lambda run: (run / "metrics.csv").write_text((run / "metrics.csv").read_text()[:-5]),
    "metrics.csv empty": lambda run: (run / "metrics.csv").write_text(""),
    "metrics.csv gone": lambda run: (run / "metrics.csv").unlink(),
    "metrics.csv zeros": lambda run: (run / "metrics.csv").write_bytes(bytes(500)),
    "results.json cut": lambda run: (run / "results.json").write_text('{"elbo": {"va'),
    "results.json empty": lambda run: (run / "results.json").write_text(""),
    "results.json a list": lambda run: (run / "results.json").write_text("[1]"),
    "results.json other": lambda run: (run / "results.json").write_text('{"elbo": {"checkpoint": [1]}}'),
    "results.json gone": lambda run: (run / "results.json").unlink(),
    "no .hydra": lambda run: shutil.rmtree(run / ".hydra"),
    "lock is damaged": lambda run: (run / ".lock").write_bytes(bytes(9)),
    "history of another kind": lambda run: (run / "history").mkdir() or (run / "history" / "config_x.yaml").touch(),
}


@pytest.mark.parametrize("name", each(OTHERS))
def test_other_damage_does_not_stop_a_run(name: str, run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    OTHERS[name](run)
    assert call(run.parent, "train", "run=run", "trainer.max_epochs=3") == 0
    assert call(run.parent, "evaluate", "run=run") == 0
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert [int(row["step"]) for row in metrics(run) if row["train/loss"]][-4:] == [8, 9, 10, 11]
