"""`vaelab evaluate` and `vaelab sample` of a trained model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commandline import FAST, call, only_run, results
from matplotlib.image import imread
from omegaconf import OmegaConf

ASKED = "set it to one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, a list of these, or all"
TRAINED = (*FAST, "trainer.max_epochs=1", "callbacks=[checkpoint,evaluate]", "evaluation=[reconstruction,importance]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a conditional model was trained, with the path of its run made known by `only_run`."""
    folder = tmp_path_factory.mktemp("trained")
    assert call(folder, "train", *TRAINED, "model=cvae", "evaluation.importance.num_samples=5") == 0
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


def newest(folder: Path, kind: str) -> Path:
    return max((only_run(folder) / kind).iterdir(), key=lambda path: path.stat().st_mtime_ns)


ONE = "config has 1 mistake:\n  "


def test_evaluate_equals_training(folder: Path) -> None:
    run = only_run(folder)
    before = (run / "results.json").read_bytes()
    assert call(folder, "evaluate", f"run={run}") == 0
    into = newest(folder, "evaluations")
    assert results(into) == results(run)
    assert (run / "results.json").read_bytes() == before
    assert sorted(path.name for path in into.iterdir()) == ["results.json"]
    assert (run / "train.log").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["outputs"]


def test_evaluate_under_other_choices(folder: Path) -> None:
    run = only_run(folder)
    changes = ("evaluation=importance", "evaluation.importance.num_samples=7", "seed=3")
    assert call(folder, "evaluate", f"run={run.relative_to(folder)}", "ckpt=last", *changes, "data.chunk=50") == 0
    records = json.loads((newest(folder, "evaluations") / "results.json").read_text())
    assert set(records) == {"elbo", "rate", "distortion", "bce/iw7", "ess/iw7"}
    assert {(record["seed"], record["chunk"], record["num_examples"]) for record in records.values()} == {(3, 50, 360)}


def test_samples_of_all_classes(folder: Path) -> None:
    assert call(folder, "sample", f"run={only_run(folder)}", "num_samples=25") == 0
    into = newest(folder, "samples")
    x = np.load(into / "samples.npy")
    assert x.shape == (25, 1, 8, 8)
    assert 0 <= x.min() < x.max() <= 1
    assert imread(into / "samples.png").ndim == 3
    assert sorted(path.name for path in into.iterdir()) == ["samples.npy", "samples.png"]


def test_pictures_for_a_paper(folder: Path) -> None:
    """Of samples, and of a run that was trained without any."""
    run = f"run={only_run(folder)}"
    assert call(folder, "sample", run, "num_samples=4", "picture=paper", "picture.format=[pdf,svg]") == 0
    into = newest(folder, "samples")
    assert sorted(path.name for path in into.iterdir()) == ["samples.npy", "samples.pdf", "samples.svg"]
    drawing = ("callbacks=[sample_grid,interpolation]", "picture.format=[pdf]", "evaluation=[]")
    assert call(folder, "evaluate", run, *drawing) == 0
    pictures = newest(folder, "evaluations") / "images"
    assert sorted(path.name for path in pictures.iterdir()) == ["interpolation.pdf", "sample_grid.pdf"]


def test_samples_depend_on_the_seed(folder: Path) -> None:
    drawn = []
    for arguments in (["seed=1"], ["seed=1"], ["seed=2"], ["seed=1", "temperature=0.5"]):
        assert call(folder, "sample", f"run={only_run(folder)}", "num_samples=4", "y=[3,5]", *arguments) == 0
        drawn.append(np.load(newest(folder, "samples") / "samples.npy"))
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[3])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["y=10"], f"y=10 is not a class of this data; {ASKED}"),
        (["y=[]"], f"{ONE}y=[] must be an integer, text or a non-empty list of integers or text"),
        (["y=three"], f"y=three is not a class of this data; {ASKED}"),
        (["num_samples=0"], f"{ONE}num_samples=0 must be an integer of at least 1"),
        (["num_samples=many"], f"{ONE}num_samples=many must be an integer of at least 1"),
        (["temperature=0"], f"{ONE}temperature=0 must be a number above 0 or a non-empty list of numbers above 0"),
        (
            ["temperature=[1,0]"],
            f"{ONE}temperature=[1,0] must be a number above 0 or a non-empty list of numbers above 0",
        ),
        (
            ["picture.format=pdf"],
            f"{ONE}picture.format=pdf must be a non-empty list of png, pdf or svg; did you mean [pdf]?",
        ),
        (["picture.dpi=9"], f"{ONE}picture.dpi=9 must be an integer from 36 to 600"),
        (["seed=-1"], f"{ONE}seed=-1 must be an integer from 0 to 4294967295"),
        (["+size=3"], f"{ONE}nothing reads the key 'size'; leave it out"),
        (
            ["temperature=[0.5,1]"],
            "temperature=[0.5, 1] has an entry for each level, but this model has no levels; give one number",
        ),
        (["ckpt=first.ckpt"], "{run} has no checkpoint 'first.ckpt'; give best or last"),
    ],
)
def test_mistakes_with_samples(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    run = only_run(folder)
    assert call(folder, "sample", f"run={run}", *arguments) == 1
    assert said(capsys) == sentence.format(run=run)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["model=vae"],
            "model=vae would change the model, which a run keeps; start a new run with it, from these weights by "
            "init_from={run}",
        ),
        (["data.scale=symmetric"], None),
        (
            ["latent_dim=5"],
            "{run}/checkpoints/best.ckpt is of another model: latent.posterior.head.weight is [8, 32] there and "
            "[10, 32] here; drop the overrides that change the model",
        ),
    ],
)
def test_mistakes_with_an_evaluation(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str | None
) -> None:
    run = only_run(folder)
    assert call(folder, "evaluate", f"run={run}", *arguments) == 1
    if sentence is None:
        sentence = "likelihood 'bernoulli' needs x in [0, 1], but data 'digits' gave -1.00 to 1.00; set data.scale=unit"
    assert said(capsys) == sentence.format(run=run)


@pytest.mark.parametrize("command", ["train", "evaluate", "sample"])
def test_a_folder_that_is_not_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert call(tmp_path, command, "run=outputs/nowhere") == 1
    place = "runs are under outputs/<model>-<data>/"
    assert said(capsys) == f"outputs/nowhere is not a run folder: it has no config.yaml; {place}"
    assert not list(tmp_path.iterdir())


def test_evaluate_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "evaluate") == 1
    assert said(capsys) == "evaluate needs a run; give run=outputs/<model>-<data>/<date>_<time>"
    assert not list(tmp_path.iterdir())


def test_sample_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "sample") == 1
    assert said(capsys) == "config has 1 mistake:\n  run is not set; give run=..."
    assert not list(tmp_path.iterdir())


def test_a_label_for_an_unconditional_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "train", *FAST, "trainer=smoke") == 0
    capsys.readouterr()
    assert call(tmp_path, "sample", f"run={only_run(tmp_path)}", "y=3") == 1
    assert said(capsys) == "y=3 requests a label, but this model is unconditional; leave y out"
    assert call(tmp_path, "sample", f"run={only_run(tmp_path)}", "num_samples=3") == 0
    assert (newest(tmp_path, "samples") / "samples.png").exists()


def test_runs_side_by_side(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "train", *TRAINED, "model=vae", "evaluation=reconstruction", "hydra.run.dir=other") == 0
    first, second = only_run(folder), tmp_path / "other"
    capsys.readouterr()
    assert call(tmp_path, "evaluate", f"run={first},{second},nowhere", "evaluation=reconstruction") == 1
    out, err = capsys.readouterr()
    assert err.strip().startswith("nowhere is not a run folder")
    found = {run: results(max((run / "evaluations").iterdir()))["reconstruction/mse"] for run in (first, second)}
    better, worse = sorted(found, key=found.__getitem__)
    rows = out.rpartition("reconstruction/mse ↓")[2].splitlines()[1:3]
    ranks, names, _, values = zip(*(row.split() for row in rows), strict=True)
    assert (ranks, names) == (("1", "2"), (str(better), str(worse)))
    assert [float(value) for value in values] == pytest.approx([found[better], found[worse]], abs=1e-3)


@pytest.mark.parametrize(
    ("choices", "sentences", "measured"),
    [
        (
            ["evaluation=[sample_quality,active_units]", "evaluation.sample_quality.num_samples=100"],
            [
                "evaluation.sample_quality gives no fid/digits_cnn128-2940: the Fréchet distance of 128 features needs "
                "at least 128 images, but there are 100; take more images or fewer features",
                "evaluation.sample_quality gives no kid/digits_cnn128-2940: ",
            ],
            {"active_units", "precision/digits_cnn128-2940/n100"},
        ),
        (
            ["evaluation=[sample_quality,active_units]", "features=inception", "features.weights=nowhere.pth"],
            [
                "sample_quality is left out: nowhere.pth does not exist; set features.weights=<path> to "
                "torch-fidelity's weights of InceptionV3"
            ],
            {"active_units"},
        ),
        (
            ["evaluation=[disentanglement,active_units]"],
            ["disentanglement is left out: disentanglement needs data with known factors, but Digits has none; set "],
            {"active_units"},
        ),
    ],
    ids=["too few samples", "no weights", "no factors"],
)
def test_failing_measures_are_reported_and_the_others_continue(
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    choices: list[str],
    sentences: list[str],
    measured: set[str],
) -> None:
    assert call(folder, "evaluate", f"run={only_run(folder)}", *choices) == 0
    assert measured <= set(results(newest(folder, "evaluations")))
    capfd.readouterr()
    log = newest(folder, "evaluations") / "evaluate.log"
    logged = [line.partition("[WARNING] - ")[2] for line in log.read_text().splitlines()]
    for message, sentence in zip(filter(None, logged), sentences, strict=True):
        assert message.startswith(sentence)


def test_a_checkpoint_of_other_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = only_run(folder)
    assert call(folder, "evaluate", f"run={run}", "data.split_seed=1") == 1
    assert said(capsys) == (
        f"{run}/checkpoints/best.ckpt was trained on other examples than data 'digits' gives now; "
        "drop the overrides that change the data, or choose other data by data= or data.source.root="
    )


def test_a_run_saved_before_evaluation_was_a_group(folder: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(only_run(folder), tmp_path / "earlier"))
    shutil.rmtree(run / "evaluations", ignore_errors=True)
    config = OmegaConf.load(run / "config.yaml")
    del config["evaluation"], config["features"], config.callbacks["evaluate"]
    target = "vaelab.callbacks.evaluate_importance.EvaluateImportance"
    config.callbacks.evaluate_importance = {"_target_": target, "num_samples": 5, "chunk": 10}
    OmegaConf.save(config, run / "config.yaml")
    assert call(tmp_path, "sample", f"run={run}", "num_samples=3") == 0
    assert call(tmp_path, "evaluate", f"run={run}") == 0
    (evaluation,) = (run / "evaluations").glob("*/results.json")
    assert {"elbo", "bce/iw20"} <= set(results(evaluation.parent))
    assert call(tmp_path, "train", f"run={run}", "trainer.max_epochs=2") == 0
    assert "bce/iw20" in results(run)
