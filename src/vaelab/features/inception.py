"""Features of the Inception network that published FIDs use."""

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
    """`inception<layer>`: torch-fidelity's port of the network of Heusel et al. 2017 (arXiv:1706.08500).

    Other weights than the published ones are named `inception<layer>-<digest>`, since their numbers do not compare with
    published ones.

    Args:
        weights: file of the weights; None downloads torch-fidelity's.
        layer: number of features, which selects the layer: 64, 192, 768 or 2048.
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
    """Images in [0, 1], grey or RGB -> average activations [B, F] of one layer."""

    @in_float32()
    def __init__(self, path: Path, layer: int) -> None:
        super().__init__()
        weights = io.BytesIO()
        torch.save(read(path), weights)
        weights.seek(0)
        # The extractor unpickles the file, so it gets one that was written here.
        try:
            self.extractor = FeatureExtractorInceptionV3("inception", [str(layer)], weights)
        except (RuntimeError, TypeError) as error:
            raise UserError(f"{path} does not hold the weights of InceptionV3; {WAY_OUT}") from error

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        return self.extractor(quantize(x).expand(-1, 3, -1, -1))[0]


def quantize(x: Float[Tensor, "*N"]) -> UInt8[Tensor, "*N"]:
    """Round to 256 grey levels; stored pixels are recovered exactly."""
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)


def suffix(path: Path) -> str:
    """Empty for the published weights, else four hexadecimal digits of the file's hash."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if digest.startswith(published_digest()) else f"-{digest[:4]}"


def published_digest() -> str:
    """The first digits of the sha256 of the published weights, which their file name contains."""
    return Path(URL_INCEPTION_V3).stem.rpartition("-")[2]


def read(path: Path) -> Any:
    """The content of a file of weights; code in it is not run."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; {WAY_OUT}") from error
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} is not a file of weights; {WAY_OUT}") from error


def download_weights() -> Path:
    """The path of torch-fidelity's weights, downloaded if missing and checked by the hash in their name."""
    name = URL_INCEPTION_V3.rpartition("/")[2]
    path = Path(hub.get_dir()) / "checkpoints" / name
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            hub.download_url_to_file(URL_INCEPTION_V3, str(path), published_digest(), progress=False)
        except (OSError, RuntimeError) as error:
            raise UserError(f"{URL_INCEPTION_V3} cannot be downloaded ({error}); {WAY_OUT}") from error
    return path
