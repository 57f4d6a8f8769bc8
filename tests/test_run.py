"""A run folder: which folder is one, and which of its checkpoints is taken."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from vaelab.commands.train import latest_run, pin
from vaelab.errors import UserError
from vaelab.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.save_config(OmegaConf.create({"seed": 3, "data": {"seed": "${seed}"}}))
    return run


def save(run: Run, *names: str) -> None:
    run.checkpoints.mkdir(exist_ok=True)
    for name in names:
        torch.save({"weights": torch.ones(3)}, run.checkpoints / f"{name}.ckpt")


def test_a_saved_config_keeps_its_references(run: Run) -> None:
    config = Run.open(run.folder).load_config()
    config.seed = 4
    assert config.data.seed == 4
    assert [path.name for path in run.folder.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("there", "wanted", "taken"),
    [
        (["last", "previous", "best"], "last", "last"),
        (["previous", "best"], "last", "previous"),
        (["best"], "last", "best"),
        (["last", "previous", "best"], "best", "best"),
        (["last", "previous"], "best", "last"),
    ],
)
def test_the_checkpoint_that_is_taken(run: Run, there: list[str], wanted: str, taken: str) -> None:
    save(run, *there)
    assert run.saved
    assert run.checkpoint(wanted) == run.checkpoints / f"{taken}.ckpt"


def test_a_run_without_checkpoints(run: Run) -> None:
    run.checkpoints.mkdir()
    (run.checkpoints / "last.ckpt.tmp").touch()
    assert not run.saved
    with pytest.raises(UserError) as caught:
        run.checkpoint("best")
    place = run.folder
    assert str(caught.value) == f"{place} has no checkpoint 'best'; go on with python train.py run={place}"


def test_an_object_in_a_checkpoint_is_damage(run: Run) -> None:
    """Unpickling it would run somebody's code."""
    run.checkpoints.mkdir()
    torch.save({"weights": Run(Path())}, run.checkpoints / "best.ckpt")
    with pytest.raises(UserError, match=r"is damaged .*, and no other checkpoint is left in"):
        run.checkpoint("best")


def test_results_appear_at_once_or_not_at_all(run: Run) -> None:
    run.save_results({"elbo": {"value": -1.0}})
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.yaml", "results.json"]


def test_no_latest_run(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        latest_run(tmp_path)
    assert str(caught.value) == f"no run with a checkpoint is under {tmp_path}/; give run=<folder>"


def test_pinned_is_what_only_a_resolver_knows() -> None:
    if not OmegaConf.has_resolver("counted"):
        OmegaConf.register_new_resolver("counted", lambda: "7")
    config = OmegaConf.create({"name": "run-${counted:}", "a": {"b": "${name}", "c": ["${counted:}"], "d": "???"}})
    pin(config)
    plain = OmegaConf.to_container(config, resolve=False)
    assert plain == {"name": "run-7", "a": {"b": "${name}", "c": ["7"], "d": "???"}}
