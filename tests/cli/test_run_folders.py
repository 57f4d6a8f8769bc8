"""Run folders: no run overwrites another, and no mistake removes existing files."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import FAST, call, results, start, wait_until, without_traceback

SMOKE = (*FAST, "trainer=smoke", "evaluation=reconstruction", "callbacks=[checkpoint,evaluate]")


def tree(folder: Path) -> dict[str, str]:
    """Every file under a folder with a digest of what it holds, but for locks."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert call(folder, "train", *SMOKE, "hydra.run.dir=run") == 0
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.mark.parametrize("place", [".", "outputs", "run", "new/a/b", "..", "run/images"])
@pytest.mark.parametrize(
    "mistake", ["data.batch_size=0", "likelihood=gaussian_optimal data.scale=nothing", "encodr=mlp"]
)
def test_a_mistake_changes_nothing(run: Path, place: str, mistake: str) -> None:
    here = run.parent / "here"
    shutil.copytree(run, here / "run")
    (here / "outputs").mkdir()
    (here / "outputs" / "README.md").write_text("theirs")
    before = tree(run.parent)
    assert call(here, "train", *SMOKE, f"hydra.run.dir={place}", *mistake.split()) in (1, 2)
    assert tree(run.parent) == before
    assert not (here / "new").exists()


def test_a_second_run_takes_the_next_free_name(run: Path) -> None:
    before = tree(run)
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=run", "seed=5") == 0
    assert tree(run) == before
    assert json.loads((run.parent / "run_2" / "results.json").read_text())["elbo"]["seed"] == 5


def test_overwrite_replaces_a_run_by_one_that_trains(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(run)
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=run", "overwrite=true", "data.batch_size=0") == 1
    assert tree(run) == before
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=run", "overwrite=true", "seed=5") == 0
    assert json.loads((run / "results.json").read_text())["elbo"]["seed"] == 5
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_a_run_that_diverges_does_not_replace_another(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(run)
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=run", "overwrite=true", "optimizer.lr=1e30") == 1
    assert "the run that overwrite=true would have replaced is kept in run.replaced-" in capsys.readouterr().err
    (kept,) = run.parent.glob("run.replaced-*")
    assert tree(kept) == before


def test_overwriting_keeps_other_files(run: Path) -> None:
    (run / "notes.txt").write_text("theirs")
    (run.parent / "link").symlink_to("run")
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=link", "overwrite=true") == 1
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=run", "overwrite=true") == 0
    assert (run / "notes.txt").read_text() == "theirs"


def test_a_name_that_is_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ("-m", f"tags=[{'a' * 300}],[b]", "hydra.sweep.dir=sweep")
    assert call(tmp_path, "train", *SMOKE, *sweep, "hydra.sweep.subdir=${hydra.job.override_dirname}") == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("cannot use sweep/")
    assert ": File name too long; " in sentence


@pytest.mark.parametrize("place", ["hydra.output_subdir=..", "-m hydra.sweep.subdir=../run"])
def test_hydra_does_not_write_into_another_run(run: Path, place: str) -> None:
    before = tree(run)
    assert call(run.parent, "train", *SMOKE, "hydra.run.dir=run/sub", "hydra.sweep.dir=sweep", *place.split()) == 1
    assert tree(run) == before


def test_a_dict_override_of_a_saved_config_is_an_error(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hydra merges it into what is there, so a foreign target and its arguments would stay."""
    assert call(run.parent, "train", "run=run", "callbacks.checkpoint={monitor: val/elbo}") == 1
    assert "would be mixed with what the run saved; give each of its keys by itself" in capsys.readouterr().err


def test_jobs_of_a_multirun_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ("-m", "seed=0,1", "hydra.sweep.dir=sweep")
    assert call(tmp_path, "train", *SMOKE, *sweep, "hydra.sweep.subdir=same") == 1
    assert "give each job its own hydra.sweep.subdir" in capsys.readouterr().err
    assert json.loads((tmp_path / "sweep" / "same" / "results.json").read_text())["elbo"]["seed"] == 0
    assert call(tmp_path, "train", *SMOKE, *sweep) == 0  # the same sweep goes on, with a folder for the other job
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep"]
    assert json.loads((tmp_path / "sweep" / "0" / "results.json").read_text())["elbo"]["seed"] == 1
    assert call(tmp_path, "train", *SMOKE, *sweep, "latent_dim=3") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep", "sweep_2"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("train", ["trainer.max_epochs=3"]), ("evaluate", []), ("sample", ["num_samples=4"])],
)
def test_a_second_writer_is_an_error(
    run: Path, command: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hold = "from pathlib import Path; from vaelab.storage.lock import acquire; print(acquire(Path('run')), flush=True)"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; input()"], cwd=run.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    before = tree(run)
    assert call(run.parent, command, "run=run", *arguments) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("run is in use by '-c' (process ")
    assert tree(run) == before
    holder.kill()
    holder.wait()


def test_resuming_a_finished_run_changes_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(run)
    way_out = "give trainer.max_epochs=... to train longer, or measure it with vaelab evaluate run=run"
    for arguments in ([], ["trainer.max_epochs=2"], ["ckpt=last"]):
        assert call(run.parent, "train", "run=run", *arguments) == 0
        assert capsys.readouterr().err.strip() == f"run has finished; {way_out}"
        assert tree(run) == before
    assert call(run.parent, "train", "run=run", "latent_dim=7") == 1
    assert capsys.readouterr().err.strip() == (
        f"run has finished, so nothing is left for latent_dim=7 (was 4) to change; {way_out}"
    )
    assert tree(run) == before


def test_less_than_was_trained_is_a_mistake(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(run)
    assert call(run.parent, "train", "run=run", "trainer.max_epochs=1") == 1
    assert capsys.readouterr().err.strip().startswith("run has trained 2 epochs, so trainer.max_epochs=1 is behind it;")
    assert call(run.parent, "train", "run=run", "+trainer.max_steps=3") == 1
    assert capsys.readouterr().err.strip().startswith("run has trained 8 steps, so trainer.max_steps=3 is behind it;")
    assert tree(run) == before


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:99])])
def test_no_other_checkpoint_takes_the_place_of_published_results(
    run: Path, spoil, capsys: pytest.CaptureFixture[str]
) -> None:
    published = (run / "results.json").read_bytes()
    spoil(run / "checkpoints" / "best.ckpt")
    assert call(run.parent, "train", "run=run") == 0
    assert call(run.parent, "evaluate", "run=run") == 1
    assert "give ckpt=last for the newest one" in capsys.readouterr().err
    assert (run / "results.json").read_bytes() == published
    assert call(run.parent, "evaluate", "run=run", "ckpt=last") == 0
    (evaluation,) = (run / "evaluations").iterdir()
    assert json.loads((evaluation / "results.json").read_text())["elbo"]["checkpoint"]["name"] == "last"


def test_results_name_their_checkpoint(run: Path) -> None:
    best = run / "checkpoints" / "best.ckpt"
    for record in json.loads((run / "results.json").read_text()).values():
        of = record["checkpoint"]
        assert (of["name"], of["step"], of["trained_steps"]) == ("best", 8, 8)
        assert of["digest"] == hashlib.sha256(best.read_bytes()).hexdigest()


def test_an_evaluation_that_was_interrupted_is_not_a_finished_run(run: Path) -> None:
    published = results(run)
    (run / "results.json").unlink()
    assert call(run.parent, "train", "run=run") == 0
    assert results(run) == published


def test_resuming_prints_changes_and_keeps_the_previous_config(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "config.yaml").read_bytes()
    changes = ("trainer.max_epochs=3", "data.batch_size=16", "scheduler=cosine")
    assert call(run.parent, "train", "run=run", *changes[:2]) == 0
    said = capsys.readouterr().err
    assert "resuming with data.batch_size=16 (was 32), trainer.max_epochs=3 (was 2)" in said
    assert (run / "history" / "config_001.yaml").read_bytes() == before
    assert call(run.parent, "train", "run=run", "optimizer.lr=0.1") == 1
    assert (
        "optimizer.lr=0.1 would change the optimizer, which a run keeps; start a new run with it, from these weights"
        in (capsys.readouterr().err)
    )


def test_a_new_run_starts_with_the_weights_of_another(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin = (*SMOKE, "init_from=run", "hydra.run.dir=new", "optimizer.lr=1e-12")
    assert call(run.parent, "train", *begin) == 0
    assert results(run.parent / "new")["elbo"] == pytest.approx(results(run)["elbo"], rel=1e-4)
    assert call(run.parent, "train", *SMOKE, "init_from=run", "encoder.num_features=16", "hydra.run.dir=x") == 1
    assert "init_from: run/checkpoints/best.ckpt has other weights than this model" in capsys.readouterr().err
    assert call(run.parent, "train", *SMOKE, "init_from=nowhere", "hydra.run.dir=x") == 1
    assert "nowhere is not a run folder" in capsys.readouterr().err
    assert not (run.parent / "x").exists()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["hydra.run.dir=same", ""])
def test_two_runs_started_at_once(tmp_path: Path, place: str) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    here = tmp_path / "here"
    for folder in (*folders, here):
        folder.mkdir()
    processes = [
        start(folder, "train", *SMOKE, f"seed={seed}", f"hydra.run.dir={here}/same" if place else "name=one")
        for seed, folder in enumerate(folders)
    ]
    assert [process.wait(300) for process in processes] == [0, 0]
    for folder in folders:
        assert without_traceback(folder) == []
    runs = list(here.iterdir()) if place else [run for folder in folders for run in folder.glob("outputs/*/*")]
    seeds = [json.loads((run / "results.json").read_text())["elbo"]["seed"] for run in runs]
    assert sorted(seeds) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_two_writers_at_once(run: Path, command: str) -> None:
    """One of them is refused, or comes so late that it finds the run as the first left it."""
    places = [run.parent / "a", run.parent / "b"]
    for place in places:
        place.mkdir()
    more = ["trainer.max_epochs=6"] if command == "train" else []
    processes = [start(place, command, f"run={run}", *more) for place in places]
    statuses = [process.wait(300) for process in processes]
    assert min(statuses) == 0
    for place, status in zip(places, statuses, strict=True):
        said = [line for line in without_traceback(place) if "resuming with" not in line]
        assert (status == 1 and "is in use by" in said[-1]) or status == 0
    if command == "evaluate":
        assert len(list((run / "evaluations").iterdir())) == statuses.count(0)


@pytest.mark.slow
def test_a_killed_run_is_unlocked_at_once(run: Path) -> None:
    process = start(run.parent, "train", "run=run", "trainer.max_epochs=500")
    metrics = run / "metrics.csv"
    wait_until(process, lambda: len(metrics.read_text().splitlines()) > 40)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert call(run.parent, "evaluate", "run=run", "ckpt=last") == 0
