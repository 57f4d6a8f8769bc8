"""Feature networks and their names."""

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
    """Images in [0, 1] -> features, always in float32; NaN if a pixel is not finite."""

    name: str
    size: int
    network: nn.Module

    def __call__(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False), in_float32():
            features = self.network(x.float())
        # A network that quantizes to bytes would turn NaN into black.
        return features.where(x.flatten(1).isfinite().all(1, keepdim=True), torch.nan)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the weights and the name."""
        return fingerprint(self.network.state_dict(), self.name)


class RunOnce(Protocol):
    """Calls a function on rank 0 first, then on the other ranks, which find its files."""

    def __call__(self, function: Callable[[], T]) -> T: ...


class Features(Protocol):
    """A factory of the feature network for some data, on a device.

    Raises UserError, on all ranks, if the data do not support these features.
    """

    def __call__(self, data: DataModule, device: torch.device, run_once: RunOnce) -> FeatureNetwork: ...
