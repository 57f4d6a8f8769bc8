"""`+callbacks=…` adds to the list, wherever arguments pass, and nothing of it is lost."""

import shutil
from pathlib import Path

import pytest
from commandline import FAST, SMALL, call, checkpoint, only_run, results, start
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from vaelab import compose
from vaelab.cli.appended import merge_appended
from vaelab.cli.saved_arguments import arguments_from_run
from vaelab.config.run_config import load_config
from vaelab.errors import UserError
from vaelab.storage.run import Run

STOPPING = (  # nothing is better than the first validation by so much, so the second ends the training
    "+callbacks=early_stopping",
    "callbacks.early_stopping.patience=1",
    "callbacks.early_stopping.min_delta=1e9",
)
EVALUATED = ("callbacks=[checkpoint,evaluate]", "evaluation=reconstruction")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("model=vae +callbacks=ema seed=1", "model=vae +callbacks=ema seed=1"),
        ("+callbacks=ema +callbacks=free_bits", "+callbacks=[ema,free_bits]"),
        ("+callbacks=[ema,free_bits] x=1 +callbacks=evaluate", "+callbacks=[ema,free_bits,evaluate] x=1"),
        ("+callbacks=ema x=1 callbacks=[checkpoint]", "callbacks=[checkpoint,ema] x=1"),
        ("callbacks=checkpoint +callbacks=ema +logger=csv", "callbacks=[checkpoint,ema] +logger=csv"),
        ("callbacks=[] +callbacks=ema", "callbacks=[ema]"),
        ("-m callbacks=[a],[b,c] +callbacks=ema", "-m callbacks=[a,ema],[b,c,ema]"),
        ("-m callbacks=[a] +callbacks=ema,free_bits", "-m callbacks=[a,ema],[a,free_bits]"),
        ("-m +callbacks=ema,free_bits", "-m +callbacks=ema,free_bits"),
        ("+evaluation=codes evaluation=[elbo] logger=[]", "evaluation=[elbo,codes] logger=[]"),
        ("+callbacks.mine.x=1 callbacks=[a]", "+callbacks.mine.x=1 callbacks=[a]"),
        # What cannot be merged is refused where all arguments are checked.
        ("callbacks=[a] callbacks=[b] +callbacks=c", "callbacks=[a] callbacks=[b] +callbacks=c"),
        ("callbacks=null +callbacks=c", "callbacks=null +callbacks=c"),
        ("+encoder=mlp encoder=conv", "+encoder=mlp encoder=conv"),
    ],
)
def test_one_argument_holds_the_whole_list(arguments: str, expected: str) -> None:
    assert merge_appended(arguments.split()) == expected.split()
    assert merge_appended(expected.split()) == expected.split()


@pytest.mark.parametrize("before", ["callbacks=[checkpoint,ema]", "+callbacks=ema", "-m callbacks=[checkpoint],[ema]"])
def test_what_is_named_already_is_refused(before: str) -> None:
    with pytest.raises(UserError) as caught:
        merge_appended([*before.split(), "+callbacks=ema"])
    assert str(caught.value) == "callbacks 'ema' is chosen already; leave out +callbacks=ema"


def test_the_list_of_a_yaml_is_appended_to_and_recorded() -> None:
    before, after = compose("data=digits"), compose("data=digits", "+callbacks=early_stopping", "+logger=[]")
    assert after.choices.callbacks == [*before.choices.callbacks, "early_stopping"] == list(after.callbacks)
    assert after.choices.evaluation == before.choices.evaluation == list(before.evaluation)
    assert compose("callbacks=[]", "+callbacks.mine._target_=lightning.pytorch.callbacks.Timer").choices.callbacks == []


def test_a_list_that_a_recipe_chose_is_appended_to() -> None:
    recipe = "experiment=m2_mnist"
    assert compose(recipe, "+callbacks=ema").choices.callbacks == [*compose(recipe).choices.callbacks, "ema"]


@pytest.mark.parametrize("name", ["health_check", "checkpoint"])  # the last of the list and the first
def test_what_a_yaml_has_chosen_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        compose("data=digits", "latent_dim=3", "callbacks.health_check.num_examples=3", f"+callbacks={name}")
    assert str(caught.value) == f"callbacks '{name}' is chosen already; leave out +callbacks={name}"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of at most five epochs, stopped after two."""
    folder = tmp_path_factory.mktemp("stopped")
    assert call(folder, "train", *FAST, *EVALUATED, *STOPPING, "trainer.max_epochs=5") == 0
    return only_run(folder)


def test_a_run_that_stopped_early_has_finished(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checkpoint(stopped)["epoch"] == 1
    before = {
        path: path.read_bytes()
        for path in stopped.rglob("*")
        if path.is_file() and path.name not in ("train.log", ".lock")
    }
    assert call(stopped, "train", "run=.") == 0
    assert call(stopped, "train", "run=.", "trainer.max_epochs=9") == 1
    said = capsys.readouterr().err
    assert "; give callbacks.early_stopping.patience=... to train longer" in said
    assert "nothing is left for trainer.max_epochs=9 (was 5) to change" in said
    assert before == {path: path.read_bytes() for path in before}


def test_its_results_are_measured_where_they_are_missing(stopped: Path, copy: Path) -> None:
    (copy / "results.json").unlink()
    assert call(copy, "train", "run=.") == 0
    assert results(copy) == results(stopped)
    assert checkpoint(copy)["epoch"] == 1


@pytest.mark.parametrize("change", ["callbacks.early_stopping.patience=2", "callbacks=[checkpoint,evaluate]"])
def test_it_trains_on_with_more_patience_or_none_of_it(copy: Path, change: str) -> None:
    assert call(copy, "train", "run=.", change, "trainer.max_epochs=3") == 0
    assert checkpoint(copy)["epoch"] == 2


def test_a_resumption_appends_to_the_saved_list(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("trainer.max_epochs=3", "callbacks.early_stopping.patience=2")
    assert call(copy, "train", "run=.", "+callbacks=ema", "+evaluation=active_units", *arguments) == 0
    config = load_config(Run(copy))
    assert list(config.callbacks) == config.choices.callbacks == ["checkpoint", "evaluate", "early_stopping", "ema"]
    assert config.choices.evaluation == ["reconstruction", "active_units"]
    assert config.callbacks.early_stopping.min_delta == 1e9
    assert call(copy, "train", "run=.", "+callbacks=[free_bits,ema]", "trainer.max_epochs=4") == 1
    assert "+callbacks=[free_bits,ema]: . has callbacks 'ema' already; leave it out" in capsys.readouterr().err


def test_a_list_that_replaces_the_saved_one_is_recorded(stopped: Path) -> None:
    arguments_from_run(Run(stopped), "train", ["callbacks=[checkpoint]", "+callbacks=ema", "evaluation=[]"])
    choices = ConfigStore.instance().load("saved.yaml").node.choices
    assert (choices.callbacks, choices.evaluation) == (["checkpoint", "ema"], [])


def test_evaluate_appends_to_the_measures_of_the_run(stopped: Path) -> None:
    assert call(stopped, "evaluate", "run=.", "+evaluation=active_units") == 0
    (folder,) = (stopped / "evaluations").iterdir()
    assert {"reconstruction/mse", "active_units"} <= results(folder).keys()


def test_doctor_takes_it(tmp_path: Path) -> None:
    assert call(tmp_path, "doctor", *SMALL, "+callbacks=early_stopping") == 0


@pytest.mark.parametrize(
    ("varied", "expected"),
    [
        ("callbacks=[checkpoint],[checkpoint,evaluate]", [["checkpoint"], ["checkpoint", "evaluate"]]),
        ("latent_dim=2,3", [["checkpoint"], ["checkpoint"]]),
    ],
)
def test_each_job_of_a_multirun_appends(tmp_path: Path, varied: str, expected: list[list[str]]) -> None:
    arguments = ("trainer.max_epochs=1", "evaluation=reconstruction", "sweep=two", "+callbacks=early_stopping")
    assert call(tmp_path, "train", "-m", *FAST, *arguments, varied) == 0
    found = [OmegaConf.load(tmp_path / "outputs/sweeps/two" / number / "config.yaml") for number in "01"]
    assert [config.choices.callbacks for config in found] == [[*names, "early_stopping"] for names in expected]


@pytest.mark.slow
def test_two_processes_stop_together(tmp_path: Path) -> None:
    """An epoch of each has half the steps, after which annealing has ended and validations count."""
    annealed = ("callbacks=[checkpoint,kl_annealing]", "kl.epochs=1", "trainer=ddp_cpu", "trainer.max_epochs=5")
    process = start(tmp_path, "train", *FAST, *STOPPING, *annealed)
    assert process.wait(200) == 0, (tmp_path / "err.txt").read_text()
    assert checkpoint(only_run(tmp_path))["epoch"] == 1


@pytest.fixture
def copy(stopped: Path, tmp_path: Path) -> Path:
    """The run that stopped early, to be changed."""
    return shutil.copytree(stopped, tmp_path / "run")
