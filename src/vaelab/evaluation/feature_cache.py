"""The features of a set of images: computed once, and cached on disk for real images."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import MinMetric
from torchmetrics.utilities import dim_zero_cat

from vaelab.errors import UserError
from vaelab.evaluation.context import EvaluationContext
from vaelab.features.network import FeatureNetwork
from vaelab.metric.frechet import FrechetStatistics, GaussianStatistics
from vaelab.storage.cache import load_cached, save_cached
from vaelab.storage.fingerprint import fingerprint

NUM_HASHED = 1000  # images of a split whose hash names its cached features

Numbered = Iterable[tuple[Tensor, Int[Tensor, " B"]]]  # images in [0, 1] and their indices


class FeatureSet(NamedTuple):
    """Features of images, one row per image in the order of their indices, and their mean and covariance."""

    moments: GaussianStatistics
    rows: Float[Tensor, "N F"]


class GatheredFeatures(FrechetStatistics):
    """Features of all images of all processes, in the order of their indices, with their mean and covariance."""

    rows: list[Tensor]
    index: list[Tensor]

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)
        self.add_state("rows", [], dist_reduce_fx="cat")
        self.add_state("index", [], dist_reduce_fx="cat")
        # A process with an empty list state would skip the gather.
        self.update(torch.zeros(0, num_features), torch.zeros(0, dtype=torch.long))

    def update(self, features: Float[Tensor, "B F"], index: Int[Tensor, " B"]) -> None:
        super().update(features)
        self.rows.append(features)
        self.index.append(index)

    def compute(self) -> FeatureSet:
        rows = dim_zero_cat(self.rows)[dim_zero_cat(self.index).argsort()]
        return FeatureSet(super().compute(), rows)


def gather_features(
    context: EvaluationContext, network: FeatureNetwork, images: Callable[[GatheredFeatures], Numbered]
) -> FeatureSet:
    """Features of images that are sharded over the processes; `images` runs the loop that fills the metric.

    Raises:
        UserError: a feature is not finite.
    """
    metric = context.metric(GatheredFeatures(network.size))
    for x, index in images(metric):
        metric.update(network(x), index)
    found = metric.compute()
    if broken := int((~found.rows.isfinite().all(1)).sum()):
        raise UserError(
            f"{broken} of {len(found.rows)} images have features that are not finite: the model has diverged; set ckpt"
            " to an earlier checkpoint"
        )
    return found


@dataclass(frozen=True, eq=False)
class RealImages:
    """The first `limit` images of a split, or all if None; their features are cached in `folder`."""

    context: EvaluationContext
    network: FeatureNetwork
    split: str
    limit: int | None
    folder: Path

    @cached_property
    def name(self) -> str:
        """A hash of evenly spaced images, the number of images, the feature network and the device type."""
        size = self.context.size(self.split, self.limit)
        some = min(size, NUM_HASHED)
        x = self.context.data.brightness(self.split, torch.arange(some) * size // some)
        return fingerprint({"x": x}, size, tuple(x.shape), self.network.fingerprint, self.context.device.type)

    @cached_property
    def features(self) -> FeatureSet:
        """Features of the images, from the cache if they are there."""
        found = load_or_compute(self.context, self.folder / f"{self.name}.pt", self.gather)
        names = ("num", "mean", "covariance", "rows")
        num, mean, covariance, rows = (found[name].to(self.context.device) for name in names)
        return FeatureSet(GaussianStatistics(num, mean, covariance), rows)

    def gather(self) -> dict[str, Any]:
        moments, rows = gather_features(self.context, self.network, self.numbered_images)
        return {**moments._asdict(), "rows": rows}

    def numbered_images(self, metric: GatheredFeatures) -> Numbered:
        """This process's shard of the images, with their indices."""
        context, size, chunk = self.context, self.context.size(self.split, self.limit), self.context.data.chunk
        for number in context.numbers(metric, -(-size // chunk), self.split):
            index = torch.arange(number * chunk, min((number + 1) * chunk, size))
            yield context.data.brightness(self.split, index).to(context.device), index.to(context.device)


def load_or_compute(context: EvaluationContext, path: Path, content: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Content of the file if every process can read it; else call `content`, and rank 0 writes the file."""
    found = load_cached(path)
    everywhere = context.metric(MinMetric())
    everywhere.update(float(found is not None))
    # All processes must take the same branch: `content` may run collectives, and rank 0 writes the file.
    if everywhere.compute() and found is not None:
        return found
    found = content()
    if context.rank == 0:
        save_cached(found, path)
    return found
