"""The features of a set of images: gathered once, and kept on disk where the images are real."""

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

NUM_HASHED = 1000  # images of a split, by which its kept features are named

Numbered = Iterable[tuple[Tensor, Int[Tensor, " B"]]]  # images in [0, 1], with their numbers


class FeatureSet(NamedTuple):
    """Features of images, a row each in the order of their numbers, and their moments."""

    moments: GaussianStatistics
    rows: Float[Tensor, "N F"]


class GatheredFeatures(FrechetStatistics):
    """Moments of features, and the features themselves in order, of all images of all processes."""

    rows: list[Tensor]
    index: list[Tensor]

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)
        self.add_state("rows", [], dist_reduce_fx="cat")
        self.add_state("index", [], dist_reduce_fx="cat")
        # With no images: a process that gets none would not take part when features are pooled.
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
    """Features of images of which each process has a share; `images` runs the loop whose states the metric holds.

    Raises:
        UserError: an image is not made of numbers, which no score could tell.
    """
    metric = context.metric(GatheredFeatures(network.size))
    for x, index in images(metric):
        metric.update(network(x), index)
    found = metric.compute()
    if broken := int((~found.rows.isfinite().all(1)).sum()):
        raise UserError(
            f"{broken} of {len(found.rows)} images have features that are not finite, as of a model that has diverged;"
            " set ckpt to an earlier checkpoint"
        )
    return found


@dataclass(frozen=True, eq=False)
class RealImages:
    """The first `limit` images of a split, or all, whose features are kept in `folder`."""

    context: EvaluationContext
    network: FeatureNetwork
    split: str
    limit: int | None
    folder: Path

    @cached_property
    def name(self) -> str:
        """Of these images, as evenly spaced ones and their number tell, and of the features."""
        size = self.context.size(self.split, self.limit)
        some = min(size, NUM_HASHED)
        x = self.context.data.brightness(self.split, torch.arange(some) * size // some)
        return fingerprint({"x": x}, size, tuple(x.shape), self.network.fingerprint, self.context.device.type)

    @cached_property
    def features(self) -> FeatureSet:
        """From the file where they were gathered before."""
        found = load_or_compute(self.context, self.folder / f"{self.name}.pt", self.gather)
        names = ("num", "mean", "covariance", "rows")
        num, mean, covariance, rows = (found[name].to(self.context.device) for name in names)
        return FeatureSet(GaussianStatistics(num, mean, covariance), rows)

    def gather(self) -> dict[str, Any]:
        moments, rows = gather_features(self.context, self.network, self.numbered_images)
        return {**moments._asdict(), "rows": rows}

    def numbered_images(self, metric: GatheredFeatures) -> Numbered:
        """This process's share of them."""
        context, size, chunk = self.context, self.context.size(self.split, self.limit), self.context.data.chunk
        for number in context.numbers(metric, -(-size // chunk), self.split):
            index = torch.arange(number * chunk, min((number + 1) * chunk, size))
            yield context.data.brightness(self.split, index).to(context.device), index.to(context.device)


def load_or_compute(context: EvaluationContext, path: Path, content: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `content` returns, from the file where all processes find it undamaged."""
    found = load_cached(path)
    everywhere = context.metric(MinMetric())
    everywhere.update(float(found is not None))
    # Asked by every process before any goes on: `content` may pool them, and the first writes what the others look for.
    if everywhere.compute() and found is not None:
        return found
    found = content()
    if context.rank == 0:
        save_cached(found, path)
    return found
