"""Features of the Inception network that published FIDs are made with."""

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, hub, nn
from torch_fidelity import FeatureExtractorInceptionV3
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.features.network import FeatureNetwork, RunOnce
from vaelab.nn.full_precision import in_float32

WAY_OUT = "set features.weights=<path> to torch-fidelity's weights of InceptionV3"


@dataclass(frozen=True)
class Inception:
    """torch-fidelity's port of the network of Heusel et al. 2017 (arXiv:1706.08500): `inception<layer>`.

    `weights` is a file of its weights; null is the one that torch-fidelity downloads. Any other file than that one
    is part of the name, `inception<layer>-<digest>`: published numbers do not compare with its own.
    """

    weights: str | None
    layer: Literal[64, 192, 768, 2048]

    def __call__(self, data: DataModule, device: torch.device, run_once: RunOnce) -> FeatureNetwork:
        shape = data.shape
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise UserError(
                f"features=inception needs images [C, H, W] of 1 or 3 channels, but data.shape={list(shape)};"
                " leave image quality out of evaluation"
            )
        path = run_once(download_weights) if self.weights is None else Path(self.weights)
        network = QuantizedInception(path, self.layer).to(device)
        return FeatureNetwork(f"inception{self.layer}{suffix(path)}", self.layer, network)


class QuantizedInception(nn.Module):
    """Images in [0, 1], grey or RGB, to the averaged activations of one layer."""

    @in_float32()
    def __init__(self, path: Path, layer: int) -> None:
        super().__init__()
        weights = io.BytesIO()
        torch.save(read(path), weights)
        weights.seek(0)
        # What it reads with the unsafe half of pickle was written here.
        try:
            self.extractor = FeatureExtractorInceptionV3("inception", [str(layer)], weights)
        except (RuntimeError, TypeError) as error:
            raise UserError(f"{path} holds other weights than InceptionV3 has; {WAY_OUT}") from error

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        return self.extractor(quantize(x).expand(-1, 3, -1, -1))[0]


def quantize(x: Float[Tensor, "*N"]) -> UInt8[Tensor, "*N"]:
    """The nearest of 256 levels: stored pixels come back as they were."""
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)


def suffix(path: Path) -> str:
    """Nothing for the published weights, four hexadecimal digits of other ones."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if digest.startswith(published_digest()) else f"-{digest[:4]}"


def published_digest() -> str:
    """How the sha256 of the published weights begins, as the name of their file says."""
    return Path(URL_INCEPTION_V3).stem.rpartition("-")[2]


def read(path: Path) -> Any:
    """What a file of weights holds; code in it is not run."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; {WAY_OUT}") from error
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} is not a file of weights; {WAY_OUT}") from error


def download_weights() -> Path:
    """The file that torch-fidelity would download, checked by the hash in its name."""
    name = URL_INCEPTION_V3.rpartition("/")[2]
    path = Path(hub.get_dir()) / "checkpoints" / name
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            hub.download_url_to_file(URL_INCEPTION_V3, str(path), published_digest(), progress=False)
        except (OSError, RuntimeError) as error:
            raise UserError(f"{URL_INCEPTION_V3} cannot be downloaded ({error}); {WAY_OUT}") from error
    return path
