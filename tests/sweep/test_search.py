"""A search by Optuna: its total of trials, its order after an interruption, pruned and failed trials."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import FAST, call
from omegaconf import OmegaConf

from vaelab.storage.lock import acquire, release
from vaelab.storage.status import begin, read_status
from vaelab.storage.study import open_study
from vaelab.storage.summary import summaries
from vaelab.sweep.objective import objective_values

optuna = pytest.importorskip("optuna")

BRIEF = (*FAST, "callbacks=[checkpoint,evaluate]", "evaluation=reconstruction", "trainer.max_epochs=2")
SEARCH = ("-m", "hydra/sweeper=optuna", "optimizer.lr=tag(log,interval(1e-3,1e-1))", "latent_dim=int(interval(2,4))")
# The fixed latent_dim of FAST is searched here.
REST = tuple(one for one in BRIEF if not one.startswith("latent_dim="))


def search(folder: Path, num_trials: int, *arguments: str) -> int:
    return call(folder, "train", *SEARCH, f"hydra.sweeper.n_trials={num_trials}", *REST, *arguments, "sweep=found")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    assert search(folder, 4, "hydra/sweeper/pruner=none") == 0
    return folder / "outputs/sweeps/found"


def test_the_study_has_the_validation_bound_of_each_best_checkpoint(found: Path) -> None:
    trials = open_study(found).get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    for job, trial in zip(summaries(found), trials, strict=True):
        assert trial.values == objective_values(job.run, ["val/bound"])
        assert f"latent_dim={trial.params['latent_dim']}" in job.overrides
    best = OmegaConf.load(found / "optimization_results.yaml").best[0]
    assert best["values"][0] == max(trial.value for trial in trials)


def test_a_process_that_is_killed_while_it_writes_leaves_no_lock(found: Path, tmp_path: Path) -> None:
    shutil.copytree(found, tmp_path / "found")
    code = (
        "import os, sys, pathlib, vaelab.storage.study as s; "
        "s.ProcessLock(pathlib.Path(sys.argv[1], s.LOCK)).acquire(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "found")], check=False)
    assert done.returncode == -9
    study = open_study(tmp_path / "found")
    study.set_user_attr("written", True)
    assert open_study(tmp_path / "found").user_attrs == {"written": True}


def test_n_trials_is_the_total(found: Path, tmp_path: Path) -> None:
    shutil.copytree(found, tmp_path / "outputs/sweeps/found")
    assert search(tmp_path, 4, "hydra/sweeper/pruner=none") == 0
    assert len(summaries(tmp_path / "outputs/sweeps/found")) == 4
    assert search(tmp_path, 5, "hydra/sweeper/pruner=none") == 0
    assert len(open_study(tmp_path / "outputs/sweeps/found").get_trials()) == 5


def test_a_killed_search_suggests_what_it_would_have_suggested(found: Path, tmp_path: Path) -> None:
    """Trial 2 was killed before its results, and trial 3 had not begun."""
    assert search(tmp_path, 2, "hydra/sweeper/pruner=none") == 0
    half = tmp_path / "outputs/sweeps/found"
    study = open_study(half, sampler=optuna.samplers.TPESampler(seed=2))
    study.ask(open_study(found).get_trials()[2].distributions)
    shutil.copytree(found / "2", half / "2")
    (half / "2" / "results.json").unlink()
    begin(half / "2")
    assert search(tmp_path, 4, "hydra/sweeper/pruner=none") == 0
    before, after = (open_study(folder).get_trials() for folder in (found, half))
    assert [trial.params for trial in after] == [trial.params for trial in before]
    assert [trial.value for trial in after] == [trial.value for trial in before]


def test_a_hopeless_trial_is_pruned_and_shown_as_such(tmp_path: Path) -> None:
    pruner = ("hydra.sweeper.pruner.n_startup_trials=1", "hydra.sweeper.pruner.n_warmup_steps=0")
    assert search(tmp_path, 5, *pruner) == 0
    sweep = tmp_path / "outputs/sweeps/found"
    states = [trial.state.name for trial in open_study(sweep).get_trials()]
    assert states[0] == "COMPLETE"
    assert "PRUNED" in states
    jobs = summaries(sweep)
    assert [one.state == "pruned" for one in jobs] == [state == "PRUNED" for state in states]
    assert not any((one.run.folder / "results.json").exists() for one in jobs if one.state == "pruned")
    assert ",pruned," in (sweep / "sweep.csv").read_text()


def test_nothing_is_pruned_before_annealing_has_ended(tmp_path: Path) -> None:
    pruner = ("hydra.sweeper.pruner.n_startup_trials=1", "hydra.sweeper.pruner.n_warmup_steps=0")
    annealed = ("callbacks=[checkpoint,evaluate,kl_annealing]", "kl.steps=60")  # of 39 per epoch
    rest = [one for one in REST if not one.startswith("callbacks=")]
    arguments = (*SEARCH, "hydra.sweeper.n_trials=3", *rest, *annealed, *pruner, "sweep=found")
    assert call(tmp_path, "train", *arguments) == 0
    for trial in open_study(tmp_path / "outputs/sweeps/found").get_trials():
        assert set(trial.intermediate_values) <= {2}


def test_a_failed_trial_does_not_end_the_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "optimizer.lr=1e30,0.01", *BRIEF]
    assert call(tmp_path, "train", "-m", *arguments, "hydra/sweeper/sampler=random", "sweep=found") == 1
    states = [trial.state.name for trial in open_study(tmp_path / "outputs/sweeps/found").get_trials()]
    assert set(states) == {"COMPLETE", "FAIL"}
    assert len(states) == 4
    assert f"{states.count('FAIL')} of 4 jobs failed: " in capsys.readouterr().err


def test_a_trial_that_cannot_begin_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its folder holds something else, so it leaves no status of its own."""
    stranger = tmp_path / "outputs/sweeps/found/1/results.json"
    assert search(tmp_path, 1) == 0
    stranger.parent.mkdir()
    stranger.write_text("{}")
    assert search(tmp_path, 3) == 1
    assert "holds another run" in capsys.readouterr().err
    states = [trial.state.name for trial in open_study(tmp_path / "outputs/sweeps/found").get_trials()]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    assert stranger.read_text() == "{}"


def test_a_trial_that_still_runs_is_not_started_twice(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(found, tmp_path / "outputs/sweeps/found")
    monkeypatch.setattr("vaelab.sweep.search.PATIENCE", 0.5)
    folder = tmp_path / "outputs/sweeps/found/3"
    assert acquire(folder)
    try:
        assert search(tmp_path, 5, "hydra/sweeper/pruner=none") == 2
    finally:
        release(folder)
    assert "is a trial that still runs" in capsys.readouterr().err


def test_several_objectives_have_a_pareto_front(tmp_path: Path) -> None:
    both = ("hydra.sweeper.objective=[val/rate,val/distortion]", "hydra.sweeper.direction=[minimize,minimize]")
    assert search(tmp_path, 3, *both) == 0
    sweep = tmp_path / "outputs/sweeps/found"
    trials = open_study(sweep).get_trials()
    assert [len(trial.values) for trial in trials] == [2, 2, 2]
    front = OmegaConf.load(sweep / "optimization_results.yaml").best
    assert 1 <= len(front) <= 3
    status = read_status(sweep / "0")
    assert status is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("hydra.sweeper.direction=up",), "hydra.sweeper.direction=up is unknown; use maximize or minimize"),
        (("hydra.sweeper.n_trials=0",), "hydra.sweeper.n_trials=0 must be an integer of at least 1"),
        (("hydra.sweeper.objective=[a,b]",), "hydra.sweeper.objective has 2 names and hydra.sweeper.direction 1"),
        (("hydra.sweeper.sampler.seed=x",), "hydra.sweeper.sampler.seed=x must be an integer"),
        (("latent_dim=2",), "a search varies nothing"),
        (("hydra/launcher=slurm", "hydra.launcher.wait=false"), "a search waits for its trials"),
        (("latent_dim=int(interval(4,2))",), "is no space to search"),
    ],
)
def test_mistakes(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-m", "hydra/sweeper=optuna", "latent_dim=2,4", "data=digits", *arguments]
    assert call(tmp_path, "train", *words) != 0
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
