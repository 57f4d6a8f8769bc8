"""Image quality of a model: measurements, floors and cached features."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from measuring import network_of
from omegaconf import OmegaConf
from torch import Tensor

from vaelab.config import build
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.feature_cache import GatheredFeatures, RealImages
from vaelab.evaluation.image_quality import ImageQuality
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.result_cache import ResultCache
from vaelab.features import classifier
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
def context(model: Callable[..., VAE], digits: Callable[..., DataModule]) -> Callable[..., EvaluationContext]:
    """A new model on the test split of the digits."""

    def context(*overrides: str) -> EvaluationContext:
        return EvaluationContext(model(*overrides).eval().latent, digits(*overrides), "test", 0, torch.device("cpu"))

    return context


def named(measurements: list[Measurement]) -> dict[str, Measurement]:
    return {measurement.name: measurement for measurement in measurements}


def copies(context: EvaluationContext, split: str) -> EvaluationContext:
    """A model whose reconstructions are perfect, and whose samples are images of a split."""
    latent = context.latent
    images = context.data.batch(split, torch.arange(360)).x
    latent.reconstruct = lambda x, y: x  # type: ignore[method-assign]
    latent.sample = lambda n, y: images[:n]  # type: ignore[method-assign]
    return context


@pytest.mark.parametrize(("name", "prefix"), [("sample_quality", ""), ("reconstruction_quality", "reconstruction/")])
def test_measurements_name_features_number_and_floor(
    name: str, prefix: str, measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    asked = context()
    measurements = named(measure(name)(asked))
    features = network_of(measure(name).features, asked.data).name
    assert list(measurements) == [f"{prefix}{each}/{features}/n250" for each in NAMES]
    assert asked.skipped == []
    for measurement in measurements.values():
        assert (measurement.num_examples, measurement.features) == (250, features)
        assert measurement.floor is not None
        # 250 images are enough for FID and KID, whose names or errors say how many, but not for balls.
        assert ("250 images are few" in measurement.warning) == (measurement.name.split("/")[bool(prefix)] in NAMES[2:])
    assert measurements[f"{prefix}kid/{features}/n250"].error > 0
    assert "5 subsets of 100" in measurements[f"{prefix}kid/{features}/n250"].unit


def test_samples_of_an_untrained_model_are_worse_than_training_images(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    fid, kid, _, recall, _, coverage = measure()(context())
    assert fid.value > 5 * fid.floor > 0
    assert kid.value > 5 * abs(kid.floor)
    assert recall.value < recall.floor - 0.5
    assert coverage.value < coverage.floor - 0.5


def test_real_images_reach_their_floor(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    small = measure(num_samples=100, scores=["kid", "prdc"])
    data = context().data
    assert data.chunk == 100
    for measurement in small(copies(context(), "train")):
        assert measurement.value == pytest.approx(measurement.floor, abs=1e-6)


def test_perfect_reconstructions_have_zero_distance(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    measurements = measure("reconstruction_quality", num_samples=10000)(copies(context(), "test"))
    values = {measurement.name.split("/")[1]: measurement.value for measurement in measurements}
    assert {measurement.num_examples for measurement in measurements} == {360}
    assert values["fid"] == pytest.approx(0, abs=1e-6)
    assert (values["precision"], values["recall"], values["coverage"]) == (1, 1, 1)


def test_a_second_evaluation_is_identical_and_uses_the_cache(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure()(context())
    torch.manual_seed(1234)
    monkeypatch.setattr(classifier, "fit", None)  # whoever trains or gathers again fails
    monkeypatch.setattr(RealImages, "gather", None)
    assert measure()(context()) == first


@pytest.mark.parametrize("damage", [lambda content: content[:-7], lambda content: b""])
def test_damaged_cache_files_are_computed_again(
    damage: Callable[[bytes], bytes],
    measure: Callable[..., ImageQuality],
    context: Callable[..., EvaluationContext],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = measure()(context())
    files = {file: file.read_bytes() for file in (tmp_path / "features").iterdir()}
    assert len(files) == 5  # two sets of features and three scores of the floor
    for file, content in files.items():
        file.write_bytes(damage(content))
    with caplog.at_level(logging.WARNING):
        assert measure()(context()) == first
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert sorted(warned) == sorted(f"{file} is damaged; it is computed again" for file in files)
    assert {file: file.read_bytes() for file in (tmp_path / "features").iterdir()} == files


def test_cache_files_differ_between_images_and_features(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext], tmp_path: Path
) -> None:
    asked = context()
    network = network_of(measure().features, asked.data)
    other = network_of(CNN(max_examples=300, epochs=1, folder=str(tmp_path)), asked.data)
    images = RealImages(asked, network, "test", None, tmp_path)
    changed = context()
    changed.data.split("test").x[0, 0, 0, 0] += 1
    others = [
        replace(images, split="train"),
        replace(images, limit=100),
        replace(images, network=other),
        replace(images, context=changed),
    ]
    assert len({each.name for each in [images, *others]}) == 5


@pytest.mark.parametrize("noise", ["data.binarization=dynamic", "data.dequantization=true", "data.scale=symmetric"])
def test_means_are_compared_with_images_before_noise(
    noise: str, measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext], tmp_path: Path
) -> None:
    asked = context(noise)
    network = network_of(measure().features, asked.data)
    grey = network(asked.data.split("test")[torch.arange(360)].x.float() / 255)
    assert torch.equal(RealImages(asked, network, "test", None, tmp_path).features.rows, grey)


def test_three_processes_equal_one(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext], tmp_path: Path
) -> None:
    network = network_of(measure().features, context().data)
    whole = RealImages(context(), network, "test", None, tmp_path).features
    shares = []
    for rank in range(3):
        share = replace(context(), rank=rank, world_size=3)
        shares.append(GatheredFeatures(128))
        for x, index in RealImages(share, network, "test", None, tmp_path).numbered_images(shares[-1]):
            shares[-1].update(network(x), index)
    pooled = GatheredFeatures(128)
    for name in ("num", "total", "products"):
        setattr(pooled, name, sum(share.metric_state[name] for share in shares))
    for name in ("rows", "index"):
        setattr(pooled, name, [torch.cat(share.metric_state[name]) for share in shares])
    moments, rows = pooled.compute()
    assert torch.equal(rows, whole.rows)
    torch.testing.assert_close(moments, whole.moments, rtol=1e-12, atol=1e-12)


def test_an_interrupted_evaluation_resumes_to_the_same_values(
    measure: Callable[..., ImageQuality],
    context: Callable[..., EvaluationContext],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vaelab.evaluation.result_cache.INTERVAL", 0.0)
    looked = measure("reconstruction_quality")
    expected = looked(context())
    for file in (tmp_path / "features").iterdir():
        file.unlink()
    cache, calls = ResultCache(tmp_path / "cache", 0, 1), []

    def stopped(x: Tensor, y: Tensor | None) -> Tensor:
        calls.append(len(x))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(x, y)

    asked = replace(context(), cache=cache, measure="quality")
    whole, asked.latent.reconstruct = asked.latent.reconstruct, stopped  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        looked(asked)
    asked.latent.reconstruct = whole  # type: ignore[method-assign]
    assert looked(asked) == expected


def test_a_failing_score_does_not_affect_the_others(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    asked = context()
    features = network_of(measure().features, asked.data).name
    measurements = measure(num_samples=127, kid_subset_size=361)(asked)
    assert [measurement.name.split("/")[0] for measurement in measurements] == NAMES[2:]
    assert asked.skipped == [
        f"evaluation.sample_quality gives no fid/{features}: the Fréchet distance of 128 features needs at least"
        " 128 images, but there are 127; take more images or fewer features",
        f"evaluation.sample_quality gives no kid/{features}: KID draws subsets of 361 images, but there are 127;"
        " set kid_subset_size=127 or lower",
    ]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as numpy says it
@pytest.mark.parametrize("change", [{"kid_subset_size": 0}, {"kid_subsets": 0}, {"kid_subset_size": 1}])
def test_invalid_parameters_are_reported(
    change: dict[str, int], measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    asked = context()
    found = named(measure(scores=["kid"], **change)(asked))
    for measurement in found.values():
        assert measurement.as_json()["value"] is None
        assert "its value is nan" in measurement.warning
    assert bool(found) != bool(asked.skipped)


def test_images_with_nan_are_an_error(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    asked = context()
    asked.latent.sample = lambda n, y: torch.full((n, 1, 8, 8), torch.nan)  # type: ignore[method-assign]
    message = (
        r"^250 of 250 images have features that are not finite: the model has diverged;"
        r" set ckpt to an earlier checkpoint$"
    )
    with pytest.raises(UserError, match=message):
        measure()(asked)


def test_the_limit_of_the_context_limits_the_images(
    measure: Callable[..., ImageQuality], context: Callable[..., EvaluationContext]
) -> None:
    asked = replace(context(), split="validation", limit=150)
    assert {measurement.num_examples for measurement in measure()(asked)} == {150}
