"""Features of images: what a network makes of them, and its name, without which no number may stand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.data.module import DataModule
from vaelab.nn.full_precision import in_float32
from vaelab.storage.fingerprint import fingerprint

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class FeatureNetwork:
    """Images in [0, 1] to features, always in float32; NaN where a pixel is NaN."""

    name: str
    size: int
    network: nn.Module

    def __call__(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False), in_float32():
            features = self.network(x.float())
        # Said here, since a network that takes bytes would see black.
        return features.where(x.flatten(1).isfinite().all(1, keepdim=True), torch.nan)

    @cached_property
    def fingerprint(self) -> str:
        """A name for these very weights."""
        return fingerprint(self.network.state_dict(), self.name)


class RunOnce(Protocol):
    """Calls a function on rank 0 before it does so on the other ranks, which then find the files that it left."""

    def __call__(self, function: Callable[[], T]) -> T: ...


class Features(Protocol):
    """A choice of features: the network that it means for some data, on a device.

    Raises UserError, on all ranks, where there are no such features of the data.
    """

    def __call__(self, data: DataModule, device: torch.device, run_once: RunOnce) -> FeatureNetwork: ...
