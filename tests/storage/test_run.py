"""Run folders: validity and choice of checkpoints."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from vaelab.cli.train import freeze_resolvers, latest_run
from vaelab.config.run_config import load_config
from vaelab.errors import UserError
from vaelab.storage.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    parts = {"data": {"seed": "${seed}"}, "model": {}, "choices": {"data": "digits"}, "evaluation": {}}
    run.save_config(OmegaConf.create({"seed": 3, **parts}))
    return run


def save(run: Run, *names: str, best: str = "") -> None:
    run.checkpoints.mkdir(exist_ok=True)
    loops = {"fit_loop": {}, "validate_loop": {}, "test_loop": {}}
    rest = {"global_step": 3, "epoch": 0, "loops": loops, "pytorch-lightning_version": "2.6.4"}
    rest["callbacks"] = {"BestCheckpoint": {"best_model_path": best}}
    for name in names:
        torch.save({"state_dict": {"weights": torch.ones(3)}, **rest}, run.checkpoints / f"{name}.ckpt")


def test_a_saved_config_keeps_its_references(run: Run) -> None:
    config = load_config(Run.open(run.folder))
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
def test_the_chosen_checkpoint(run: Run, there: list[str], wanted: str, taken: str) -> None:
    save(run, *there)
    assert run.saved
    assert run.checkpoint(wanted) == run.checkpoints / f"{taken}.ckpt"


def test_no_other_checkpoint_replaces_the_best(run: Run) -> None:
    save(run, "last", "previous", best="checkpoints/best.ckpt")
    with pytest.raises(UserError) as caught:
        run.checkpoint("best")
    place = run.checkpoints / "best.ckpt"
    assert str(caught.value) == (f"{place} is missing, although the run chose one; give ckpt=last for the newest one")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "it holds a list"),
        ({"state_dict": {}}, "it is not a checkpoint of a run: it lacks global_step"),
        (
            {"epoch": 0, "global_step": 1, "loops": {}, "callbacks": {}},
            "it is not a checkpoint of a run: it lacks state_dict",
        ),
    ],
)
def test_a_file_of_another_kind(run: Run, content: object, reason: str) -> None:
    run.checkpoints.mkdir()
    torch.save(content, run.checkpoints / "best.ckpt")
    with pytest.raises(UserError, match=reason):
        run.checkpoint("best")


def test_a_small_file_does_not_ask_for_a_large_tensor(run: Run) -> None:
    save(run, "last")
    saved = torch.load(run.checkpoints / "last.ckpt", weights_only=True)
    saved["optimizer_states"] = [{"state": {0: {"exp_avg": torch.zeros(1).expand(10**9)}}}]
    torch.save(saved, run.checkpoints / "last.ckpt")
    with pytest.raises(UserError, match="it has tensors that are larger than what is stored of them"):
        run.checkpoint("last")


def test_a_run_without_checkpoints(run: Run) -> None:
    run.checkpoints.mkdir()
    (run.checkpoints / "last.ckpt.tmp").touch()
    assert not run.saved
    with pytest.raises(UserError) as caught:
        run.checkpoint("best")
    place = run.folder
    assert str(caught.value) == f"{place} has no checkpoint; resume with python train.py run={place}"


def test_an_object_in_a_checkpoint_is_damage(run: Run) -> None:
    """Unpickling it would run somebody's code."""
    run.checkpoints.mkdir()
    torch.save({"weights": Run(Path())}, run.checkpoints / "best.ckpt")
    with pytest.raises(UserError, match=r"best.ckpt is damaged \(.*\); give ckpt=last"):
        run.checkpoint("best")


def test_results_appear_at_once_or_not_at_all(run: Run) -> None:
    run.save_results({"elbo": {"value": -1.0}})
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.yaml", "results.json"]


def test_no_latest_run(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        latest_run(tmp_path)
    assert str(caught.value) == f"no run with a checkpoint is under {tmp_path}/; give run=<folder>"


def test_only_resolvers_are_frozen() -> None:
    if not OmegaConf.has_resolver("counted"):
        OmegaConf.register_new_resolver("counted", lambda: "7")
    config = OmegaConf.create({"name": "run-${counted:}", "a": {"b": "${name}", "c": ["${counted:}"], "d": "???"}})
    freeze_resolvers(config)
    plain = OmegaConf.to_container(config, resolve=False)
    assert plain == {"name": "run-7", "a": {"b": "${name}", "c": ["7"], "d": "???"}}
