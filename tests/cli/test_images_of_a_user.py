"""An image folder through the commands: training, other images, and runs without their images."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commandline import FAST, call, only_run, results
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from vaelab.cli.outcome import Outcome
from vaelab.config.saved_trust import check_saved
from vaelab.data.auto_values import write_auto_values
from vaelab.errors import UserError
from vaelab.jobs.experiment import Experiment
from vaelab.jobs.sample import class_numbers, label_of

CONF = Path(__file__).parents[2] / "conf"
CHOICES = sorted(path.stem for path in (CONF / "data").glob("[!_]*.yaml"))
NUMBERED = ("9", "10", "bee")  # in natural order
MEASURES = ("callbacks=[checkpoint,evaluate]", "evaluation=[reconstruction]")
DRAWN = ("checkpoint", "reconstruction_grid", "sample_grid", "latent_traversal", "interpolation", "evaluate")
FOLDER = ("data=image_folder", "data.source.root=images", "data.shape=[1,8,8]", "data.num_workers=0")


def images(folder: Path, *classes: str, num: int = 12, level: int = 0) -> Path:
    """Class k is of brightness level + 40 k, with noise."""
    random = np.random.default_rng(level)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for place in range(num):
            pixels = random.integers(level + 40 * number, level + 40 * number + 20, (8, 8)) % 256
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{place}.png")
    return folder


def train(folder: Path, *arguments: str) -> Path:
    assert call(folder, "train", *FAST, *FOLDER, *MEASURES, "trainer=smoke", *arguments) == 0
    return only_run(folder)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a model was trained that is told one of three classes; its images are gone."""
    folder = tmp_path_factory.mktemp("conditional")
    images(folder / "images", *NUMBERED)
    train(folder, "model=cvae")
    (folder / "images").rename(folder / "away")
    return folder


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unconditional")
    images(folder / "images", *NUMBERED)
    train(folder, "model=vae")
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip()


def newest(folder: Path) -> Path:
    return max((only_run(folder) / "evaluations").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def records(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


def test_the_run_keeps_the_auto_values_of_the_folder(conditional: Path) -> None:
    config = OmegaConf.load(only_run(conditional) / "config.yaml")
    assert config.data.classes == list(NUMBERED)
    assert config.data.num_classes == config.condition.size == 3
    assert config.data.num_validation == 3


@pytest.mark.parametrize("y", ["all", "bee", "9", "[bee,10]"])
def test_samples_need_no_images(conditional: Path, y: str) -> None:
    assert call(conditional, "sample", f"run={only_run(conditional)}", "num_samples=6", f"y={y}") == 0


def test_an_evaluation_without_images_is_an_error(conditional: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(conditional, "evaluate", f"run={only_run(conditional)}") == 1
    assert said(capsys) == "images does not exist; set data.source.root to a folder of images"


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ("0", "y=0 is not a class of this data; set it to one of 9, 10, bee, a list of these, or all"),
        (
            "bees",
            "y=bees is not a class of this data; set it to one of 9, 10, bee, a list of these, or all;"
            " did you mean 'bee'?",
        ),
    ],
)
def test_a_class_that_does_not_exist(
    conditional: Path, capsys: pytest.CaptureFixture[str], y: str, sentence: str
) -> None:
    assert call(conditional, "sample", f"run={only_run(conditional)}", f"y={y}") == 1
    assert said(capsys) == sentence


@pytest.mark.parametrize(
    "name", ["été", "日本", "a=b,c", "it's", 'a"b', "x\\", "$z$", "my class", "null", "1e3", "Trouser"]
)
def test_y_takes_every_class_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("vaelab.cli.sample.sample", lambda config: seen.append(config.y) or Outcome())
    assert call(tmp_path, "sample", "run=.", f"y={name}") == 0
    assert seen == [name]
    assert label_of(seen[0], ["other", name], 2) == 1


def test_numbers_are_labels_unless_they_are_names() -> None:
    assert class_numbers(["b", 2], ["a", "b", "c"], 3) == [1, 2]
    assert label_of(10, ["1", "2", "10"], 3) == 2
    with pytest.raises(UserError, match=r"^y=0 is not a class of this data"):
        label_of(0, ["1", "2", "10"], 3)
    assert label_of(2, [], 3) == 2


def test_other_images_of_the_same_classes(conditional: Path, capfd: pytest.CaptureFixture[str]) -> None:
    images(conditional / "subset", "10", "bee", level=100)
    run = only_run(conditional)
    assert call(conditional, "evaluate", f"run={run}", "data.source.root=subset") == 0
    logged = capfd.readouterr().out
    assert "data 'image_folder' has no test split; all of it is evaluated" in logged
    assert "data 'image_folder' is not what " in logged
    found = records(newest(conditional))
    assert all(record["other_data"] for record in found.values())
    assert {record["num_examples"] for record in found.values()} == {24}
    assert all(record["data"].startswith("ImageFolder/all examples/") for record in found.values())
    assert {record["data"] for record in found.values()}.isdisjoint(one["data"] for one in records(run).values())
    assert call(conditional, "evaluate", f"run={run}", "data.source.root=away") == 0
    assert results(newest(conditional)) == results(run)
    assert {record["data"] for record in records(newest(conditional)).values()} == {records(run)["elbo"]["data"]}
    assert not any(record["other_data"] for record in records(newest(conditional)).values())


def test_a_requested_share_of_other_images(conditional: Path, capfd: pytest.CaptureFixture[str]) -> None:
    images(conditional / "new", *NUMBERED, level=60)
    share = ("data.source.root=new", "data.source.test_fraction=0.5")
    assert call(conditional, "evaluate", f"run={only_run(conditional)}", *share) == 0
    assert {record["num_examples"] for record in records(newest(conditional)).values()} == {18}
    assert "all of it is evaluated" not in capfd.readouterr().out


def test_measures_that_train_are_skipped_if_all_data_are_evaluated(
    conditional: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    images(conditional / "fresh", *NUMBERED, level=70)
    asked = ("data.source.root=fresh", "evaluation=[reconstruction,label_fidelity,sample_quality,probes]")
    assert call(conditional, "evaluate", f"run={only_run(conditional)}", *asked) == 0
    logged = capfd.readouterr().out
    for name in ("label_fidelity", "sample_quality", "probes"):
        assert f"{name} is left out: it learns from examples of the same data, but all of them are evaluated" in logged
    assert {name.partition("/")[0] for name in results(newest(conditional))} <= {
        *("reconstruction", "rate", "distortion", "elbo"),
    }


def test_labels_that_do_not_fit(conditional: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(conditional / "others", "ant", "bee", "cat")
    assert call(conditional, "evaluate", f"run={only_run(conditional)}", "data.source.root=others") == 1
    assert said(capsys) == (
        "the run's model was trained with labels of 3 classes (9, 10, bee), but data 'image_folder' has 3 classes"
        " (ant, bee, cat); choose data of the same classes"
    )
    assert call(conditional, "evaluate", f"run={only_run(conditional)}", "data=digits") == 1
    assert said(capsys).endswith("but data 'digits' has 10 classes (0, 1, 2, 3, 4, …); choose data of the same classes")


def test_a_shape_that_does_not_fit(unconditional: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(unconditional, "evaluate", f"run={only_run(unconditional)}", "data=linear_gaussian") == 1
    assert said(capsys) == (
        "data 'linear_gaussian' has examples of shape [8], but the run's model takes [1, 8, 8];"
        " choose data of that shape"
    )


@pytest.mark.parametrize(
    "choice", [["data=digits"], ["data.source.root=strangers"], ["data=image_folder", "data.source.root=strangers"]]
)
def test_measurements_out_of_distribution(unconditional: Path, choice: list[str]) -> None:
    if not (unconditional / "strangers").exists():
        images(unconditional / "strangers", "ant", "cat", level=150)
    assert call(unconditional, "evaluate", f"run={only_run(unconditional)}", *choice) == 0
    assert all(record["other_data"] for record in records(newest(unconditional)).values())
    own = results(only_run(unconditional))
    assert results(newest(unconditional))["reconstruction/mse"] != own["reconstruction/mse"]


def test_a_changed_folder_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images(tmp_path / "images", *NUMBERED)
    run = train(tmp_path, "model=cvae")
    capsys.readouterr()
    (tmp_path / "images/bee/0.png").rename(tmp_path / "images/10/new.png")
    assert call(tmp_path, "evaluate", f"run={run}") == 1
    assert "was trained on other examples than data 'image_folder' gives now" in said(capsys)
    images(tmp_path / "images", "wasp")
    assert call(tmp_path, "evaluate", f"run={run}") == 1
    assert said(capsys) == (
        "images has a class folder wasp, which is not in data.classes=[9,10,bee];"
        " set data.classes=auto data.num_classes=auto, or move it away"
    )


def test_pixels_and_shape_are_those_of_the_run(tmp_path: Path) -> None:
    images(tmp_path / "images", *NUMBERED)
    run = train(tmp_path, "model=vae", "data.scale=symmetric", "likelihood=gaussian")
    again = ("data=image_folder", "data.source.root=images")
    assert call(tmp_path, "evaluate", f"run={run}", *again) == 0
    assert results(newest(tmp_path)) == results(run)


def test_class_names_in_a_saved_config_are_not_paths(composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    config = composed("data=image_folder", "data.source.root=images", "logger=[]")
    config.group = "g"  # as a run saves it, without resolvers
    config.data.classes = ["~", "~x", "\\", "C:\\x", "..", "s3://x"]
    check_saved(config, tmp_path / "config.yaml", [])
    config.data.source.cache = "../elsewhere"
    with pytest.raises(UserError, match=r"data\.source\.cache=\.\./elsewhere leads out of the run folder"):
        check_saved(config, tmp_path / "config.yaml", [])


def test_references_to_other_data_are_not_damage(composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    config = composed("data=image_folder", "data.source.root=../images", "model=cvae", "logger=[]")
    config.group = "g"  # as a run saves it, without resolvers
    check_saved(config, tmp_path / "config.yaml", [], ["data"])
    config.decoder.shape = "${nowhere.shape}"
    with pytest.raises(UserError, match="is damaged"):
        check_saved(config, tmp_path / "config.yaml", [], ["data"])


@pytest.mark.parametrize("choice", CHOICES)
def test_models_of_every_data_set_sample_without_it(
    composed: Callable[..., DictConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vaelab.data.fetch.fetch", lambda *arguments: pytest.fail("data was fetched"))
    known = ("data.num_classes=3", "data.classes=[a,b,c]", "data.num_validation=1")
    of_arrays = ("data.shape=[1,8,8]", "data.scale=unit", "data.value_range=[0,255]", "data.source.path=nowhere.npz")
    facts = {"image_folder": (*known, "data.source.root=nowhere"), "array": (*known, *of_arrays)}.get(choice, ())
    conditional = choice != "linear_gaussian"
    parts = ("encoder=mlp", "decoder=mlp", "likelihood=gaussian", f"model={'cvae' if conditional else 'vae'}")
    config = composed(f"data={choice}", *parts, *facts)
    experiment = Experiment.build_without_data(config)
    write_auto_values(config.data, experiment.data)
    y = torch.arange(2) if conditional else None
    assert experiment.model.latent.sample(2, y).shape == (2, *experiment.data.shape)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("case", ["one class", "black", "three", "nasty names"])
def test_odd_folders_from_beginning_to_end(tmp_path: Path, case: str, num_workers: int) -> None:
    if case == "one class":
        images(tmp_path / "images", "ant")
    elif case == "nasty names":
        images(tmp_path / "images", "$z$", "a=b,c", "it's", "日本", "[x]", "null", "<b>", "a\nb", "~x", "\\")
    else:
        (tmp_path / "images").mkdir()
        for number in range(3 if case == "three" else 30):
            Image.new("L", (8, 8)).save(tmp_path / f"images/{number}.png")
    model = "model=vae" if case in ("black", "three") else "model=cvae"
    everything = [path.stem for path in (CONF / "evaluation").glob("*.yaml") if path.stem != "annealed_importance"]
    chosen = (f"evaluation=[{','.join(everything)}]", f"callbacks=[{','.join(DRAWN)}]")
    workers = (f"data.num_workers={num_workers}", "trainer=smoke")
    assert call(tmp_path, "train", *FAST, *FOLDER, *workers, model, *chosen) == 0
    assert (only_run(tmp_path) / "images/sample_grid.png").exists()
    assert "elbo" in results(only_run(tmp_path))
    assert call(tmp_path, "sample", f"run={only_run(tmp_path)}", "num_samples=4") == 0
