"""Inception's features, with random weights: equal to torch-fidelity's; invalid files."""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from measuring import network_of
from omegaconf import DictConfig
from torch import Tensor
from torch.utils.data import Dataset
from torch_fidelity import FeatureExtractorInceptionV3, calculate_metrics

from vaelab.config import build
from vaelab.data.digits import Digits
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.features import inception as module
from vaelab.features.inception import Inception, quantize
from vaelab.metric.frechet import FrechetStatistics, frechet_distance
from vaelab.metric.kernel_distance import kernel_distance

WAY_OUT = "set features.weights=<path> to torch-fidelity's weights of InceptionV3"


class Untrained(FeatureExtractorInceptionV3):
    """With the weights it is born with."""

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Nothing to load."""


class Images(Dataset[Tensor]):
    """Grey images as torch-fidelity wants them: uint8 of three channels."""

    def __init__(self, x: Tensor) -> None:
        self.x = x.expand(-1, 3, -1, -1)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Tensor:
        return self.x[index]


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    """As measures are called."""
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    state = Untrained("inception", ["64"], nothing).state_dict()
    state["Conv2d_1a_3x3.conv.weight"] *= 10  # else features so small that a distance is lost in float32
    torch.save(state, path)
    return path


def test_distances_are_those_of_torch_fidelity(
    weights: Path, digits: Callable[..., DataModule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureExtractorInceptionV3, "INPUT_IMAGE_SIZE", 75)  # for both; it only costs time
    real = Digits().load("test").x[:70]
    samples = (real.flip(0).double() * torch.rand(70, 1, 8, 8)).to(torch.uint8)
    expected = calculate_metrics(
        **{"input1": Images(samples), "input2": Images(real), "fid": True, "kid": True, "cuda": False},
        **{"feature_layer_fid": "64", "feature_layer_kid": "64", "feature_extractor_weights_path": str(weights)},
        **{
            "kid_subsets": 10,
            "kid_subset_size": 50,
            "batch_size": 35,
            "verbose": False,
            "cache": False,
            "save_cpu_ram": True,
        },
    )
    network = network_of(Inception(str(weights), 64), digits())
    # These are not the published weights, and say so.
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:4]
    assert (network.name, network.size) == (f"inception64-{digest}", 64)
    moments, features = [], []
    for x in (samples, real):
        features.append(network(x / 255))
        metric = FrechetStatistics(64)
        metric.update(features[-1])
        moments.append(metric.compute())
    fid, kid = frechet_distance(*moments), kernel_distance(*features, 10, 50)
    assert fid == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    names = "kernel_inception_distance_mean", "kernel_inception_distance_std"
    assert kid == pytest.approx([expected[name] for name in names], rel=1e-4)


def test_pixels_are_rounded_to_the_nearest_level() -> None:
    levels = torch.arange(256).to(torch.uint8)
    assert torch.equal(quantize(levels / 255), levels)
    assert torch.equal(quantize(((2 * (levels / 255) - 1) + 1) / 2), levels)
    assert quantize(torch.tensor([-0.1, 0.4 / 255, 0.6 / 255, 1.1])).tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (None, "does not exist"),
        (b"", "is not a file of weights"),
        (b"no weights at all", "is not a file of weights"),
        ("truncated", "is not a file of weights"),
        ({"linear.weight": torch.zeros(2, 2)}, "does not hold the weights of InceptionV3"),
        (torch.zeros(2), "does not hold the weights of InceptionV3"),
        (Path("code"), "is not a file of weights"),  # an object that only code could make
    ],
)
def test_a_file_without_such_weights_is_an_error(
    content: object, fact: str, weights: Path, digits: Callable[..., DataModule], tmp_path: Path
) -> None:
    path = tmp_path / "some.pth"
    if content == "truncated":
        path.write_bytes(weights.read_bytes()[:100_000])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=rf"^{re.escape(f'{path} {fact}; {WAY_OUT}')}$"):
        network_of(Inception(str(path), 64), digits())


def test_a_failed_download_names_the_way_out(
    digits: Callable[..., DataModule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(module, "URL_INCEPTION_V3", f"file://{tmp_path}/weights-01234567.pth")
    with pytest.raises(UserError, match=rf"weights-01234567.pth cannot be downloaded \(.*\); {re.escape(WAY_OUT)}$"):
        network_of(Inception(None, 64), digits())


@pytest.mark.parametrize("intact", [True, False])
def test_a_download_is_kept_if_its_hash_is_right(
    intact: bool,
    weights: Path,
    digits: Callable[..., DataModule],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = weights.read_bytes()
    there = tmp_path / f"weights-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    there.write_bytes(content if intact else content[:-1])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(module, "URL_INCEPTION_V3", f"file://{there}")
    here = tmp_path / "hub" / "checkpoints" / there.name
    if intact:
        network_of(Inception(None, 64), digits())
        there.unlink()
        assert here.read_bytes() == content
        assert network_of(Inception(None, 64), digits()).name == "inception64"
    else:
        with pytest.raises(UserError, match=r"cannot be downloaded \(invalid hash value"):
            network_of(Inception(None, 64), digits())
        assert not here.exists()


def test_data_that_are_not_images_are_an_error(weights: Path, composed: Callable[..., DictConfig]) -> None:
    data = build(composed("data=linear_gaussian").data)
    message = (
        r"^features=inception needs images \[C, H, W\] of 1 or 3 channels, but data.shape=\[8\];"
        r" leave image quality out of evaluation$"
    )
    with pytest.raises(UserError, match=message):
        network_of(Inception(str(weights), 64), data)
