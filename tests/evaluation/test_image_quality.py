"""Image quality of a model: what is published, against which floor, and what is kept."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation import classifier
from vaelab.evaluation.context import Subject
from vaelab.evaluation.feature_cache import GatheredFeatures, RealImages
from vaelab.evaluation.image_quality import ImageQuality
from vaelab.evaluation.measurement import Figure
from vaelab.evaluation.result_cache import Journal
from vaelab.features.cnn import CNN
from vaelab.model.vae import VAE

CONF = Path(__file__).parents[2] / "conf" / "evaluation"
NAMES = ["fid", "kid", "precision", "recall", "density", "coverage"]


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    """As measures are called."""
    with torch.no_grad():
        yield


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., ImageQuality]:
    """What a yaml describes, for digits."""

    def measure(name: str = "sample_quality", **changes: object) -> ImageQuality:
        described = OmegaConf.load(CONF / f"{name}.yaml")[name]
        described.features = OmegaConf.create(
            {"_target_": "vaelab.features.cnn.CNN", "max_examples": 400, "epochs": 3, "folder": str(tmp_path)}
        )
        small = {"num_samples": 250, "kid_subsets": 5, "kid_subset_size": 100, "folder": str(tmp_path / "features")}
        return replace(build(described), **{**small, **changes})

    return measure


@pytest.fixture
def subject(model: Callable[..., VAE], digits: Callable[..., DataModule]) -> Callable[..., Subject]:
    """A new model on the test split of the digits."""

    def subject(*overrides: str) -> Subject:
        return Subject(model(*overrides).eval().latent, digits(*overrides), "test", 0, torch.device("cpu"))

    return subject


def named(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def copies(subject: Subject, split: str) -> Subject:
    """The model of which all reconstructions are perfect, and all samples images of a split."""
    latent = subject.latent
    images = subject.data.batch(split, torch.arange(360)).x
    latent.reconstruct = lambda x, y: x  # type: ignore[method-assign]
    latent.sample = lambda n, y: images[:n]  # type: ignore[method-assign]
    return subject


@pytest.mark.parametrize(("name", "prefix"), [("sample_quality", ""), ("reconstruction_quality", "reconstruction/")])
def test_figures_carry_their_features_number_and_floor(
    name: str, prefix: str, measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    asked = subject()
    figures = named(measure(name)(asked))
    features = measure(name).features(asked).name
    assert list(figures) == [f"{prefix}{each}/{features}/n250" for each in NAMES]
    assert asked.left_out == []
    for figure in figures.values():
        assert (figure.num_examples, figure.features) == (250, features)
        assert figure.floor is not None
        # 250 images are enough for FID and KID, whose names or errors say how many, but not for balls.
        assert ("250 images are few" in figure.warning) == (figure.name.split("/")[bool(prefix)] in NAMES[2:])
    assert figures[f"{prefix}kid/{features}/n250"].error > 0
    assert "5 subsets of 100" in figures[f"{prefix}kid/{features}/n250"].unit


def test_samples_of_an_untrained_model_are_worse_than_training_images(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    fid, kid, _, recall, _, coverage = measure()(subject())
    assert fid.value > 5 * fid.floor > 0
    assert kid.value > 5 * abs(kid.floor)
    assert recall.value < recall.floor - 0.5
    assert coverage.value < coverage.floor - 0.5


def test_real_images_reach_their_floor(measure: Callable[..., ImageQuality], subject: Callable[..., Subject]) -> None:
    small = measure(num_samples=100, scores=["kid", "prdc"])
    data = subject().data
    assert data.chunk == 100
    for figure in small(copies(subject(), "train")):
        assert figure.value == pytest.approx(figure.floor, abs=1e-6)


def test_perfect_reconstructions_of_all_images_are_no_distance_from_them(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    figures = measure("reconstruction_quality", num_samples=10000)(copies(subject(), "test"))
    values = {figure.name.split("/")[1]: figure.value for figure in figures}
    assert {figure.num_examples for figure in figures} == {360}
    assert values["fid"] == pytest.approx(0, abs=1e-6)
    assert (values["precision"], values["recall"], values["coverage"]) == (1, 1, 1)


def test_twice_is_identical_and_nothing_real_is_looked_at_again(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure()(subject())
    torch.manual_seed(1234)
    monkeypatch.setattr(classifier, "fit", None)  # whoever trains or gathers again fails
    monkeypatch.setattr(RealImages, "gather", None)
    assert measure()(subject()) == first


@pytest.mark.parametrize("damage", [lambda content: content[:-7], lambda content: b""])
def test_damaged_files_are_made_anew(
    damage: Callable[[bytes], bytes],
    measure: Callable[..., ImageQuality],
    subject: Callable[..., Subject],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = measure()(subject())
    files = {file: file.read_bytes() for file in (tmp_path / "features").iterdir()}
    assert len(files) == 5  # two sets of features and three scores of the floor
    for file, content in files.items():
        file.write_bytes(damage(content))
    with caplog.at_level(logging.WARNING):
        assert measure()(subject()) == first
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert sorted(warned) == sorted(f"{file} is damaged; it is made anew" for file in files)
    assert {file: file.read_bytes() for file in (tmp_path / "features").iterdir()} == files


def test_other_images_and_other_features_have_files_of_their_own(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject], tmp_path: Path
) -> None:
    asked = subject()
    network = measure().features(asked)
    other = CNN(max_examples=300, epochs=1, folder=str(tmp_path))(asked)
    images = RealImages(asked, network, "test", None, tmp_path)
    changed = subject()
    changed.data.split("test").x[0, 0, 0, 0] += 1
    others = [
        replace(images, split="train"),
        replace(images, limit=100),
        replace(images, network=other),
        replace(images, subject=changed),
    ]
    assert len({each.name for each in [images, *others]}) == 5


@pytest.mark.parametrize("noise", ["data.binarization=dynamic", "data.dequantization=true", "data.scale=symmetric"])
def test_means_are_held_against_images_before_any_noise(
    noise: str, measure: Callable[..., ImageQuality], subject: Callable[..., Subject], tmp_path: Path
) -> None:
    asked = subject(noise)
    network = measure().features(asked)
    grey = network(asked.data.split("test")[torch.arange(360)].x.float() / 255)
    assert torch.equal(RealImages(asked, network, "test", None, tmp_path).features.rows, grey)


def test_three_shares_gather_what_one_process_does(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject], tmp_path: Path
) -> None:
    network = measure().features(subject())
    whole = RealImages(subject(), network, "test", None, tmp_path).features
    shares = []
    for rank in range(3):
        share = replace(subject(), rank=rank, world_size=3)
        shares.append(GatheredFeatures(128))
        for x, index in RealImages(share, network, "test", None, tmp_path).numbered(shares[-1]):
            shares[-1].update(network(x), index)
    pooled = GatheredFeatures(128)
    for name in ("num", "total", "products"):
        setattr(pooled, name, sum(share.metric_state[name] for share in shares))
    for name in ("rows", "index"):
        setattr(pooled, name, [torch.cat(share.metric_state[name]) for share in shares])
    moments, rows = pooled.compute()
    assert torch.equal(rows, whole.rows)
    torch.testing.assert_close(moments, whole.moments, rtol=1e-12, atol=1e-12)


def test_an_interrupted_evaluation_goes_on_to_the_same_figures(
    measure: Callable[..., ImageQuality],
    subject: Callable[..., Subject],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vaelab.evaluation.result_cache.INTERVAL", 0.0)
    looked = measure("reconstruction_quality")
    expected = looked(subject())
    for file in (tmp_path / "features").iterdir():
        file.unlink()
    journal, calls = Journal(tmp_path / "journal", 0, 1), []

    def stopped(x: Tensor, y: Tensor | None) -> Tensor:
        calls.append(len(x))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(x, y)

    asked = replace(subject(), journal=journal, measure="quality")
    whole, asked.latent.reconstruct = asked.latent.reconstruct, stopped  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        looked(asked)
    asked.latent.reconstruct = whole  # type: ignore[method-assign]
    assert looked(asked) == expected


def test_a_refused_score_leaves_the_others(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    asked = subject()
    features = measure().features(asked).name
    figures = measure(num_samples=127, kid_subset_size=361)(asked)
    assert [figure.name.split("/")[0] for figure in figures] == NAMES[2:]
    assert asked.left_out == [
        f"evaluation.sample_quality gives no fid/{features}: the Fréchet distance of 128 features needs at least"
        " 128 images, but there are 127; take more images or fewer features",
        f"evaluation.sample_quality gives no kid/{features}: KID draws subsets of 361 images, but there are 127;"
        " set kid_subset_size=127 or lower",
    ]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as numpy says it
@pytest.mark.parametrize("change", [{"kid_subset_size": 0}, {"kid_subsets": 0}, {"kid_subset_size": 1}])
def test_parameters_that_leave_no_number_leave_a_sentence(
    change: dict[str, int], measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    asked = subject()
    found = named(measure(scores=["kid"], **change)(asked))
    for figure in found.values():
        assert figure.as_json()["value"] is None
        assert "its value is nan" in figure.warning
    assert bool(found) != bool(asked.left_out)


def test_images_that_are_no_numbers_are_refused(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    asked = subject()
    asked.latent.sample = lambda n, y: torch.full((n, 1, 8, 8), torch.nan)  # type: ignore[method-assign]
    message = (
        r"^250 of 250 images have features that are not finite, as of a model that has diverged;"
        r" set ckpt to an earlier checkpoint$"
    )
    with pytest.raises(UserError, match=message):
        measure()(asked)


def test_a_cheap_look_is_at_few_images_of_its_split(
    measure: Callable[..., ImageQuality], subject: Callable[..., Subject]
) -> None:
    asked = replace(subject(), split="validation", limit=150)
    assert {figure.num_examples for figure in measure()(asked)} == {150}
