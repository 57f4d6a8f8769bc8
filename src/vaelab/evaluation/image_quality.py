"""Distances between samples or reconstructions and real images, by the features of a network."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import Ge, MinLen

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.feature_cache import (
    FeatureSet,
    GatheredFeatures,
    Numbered,
    RealImages,
    gather_features,
    load_or_compute,
)
from vaelab.evaluation.measurement import Measurement
from vaelab.features.network import Features
from vaelab.metric.frechet import frechet_distance
from vaelab.metric.kernel_distance import kernel_distance
from vaelab.metric.prdc import prdc, warn_of_few_images
from vaelab.ranges import PositiveInt
from vaelab.storage.fingerprint import fingerprint

Values = dict[str, tuple[float, float | None]]  # value, and standard deviation if known, by measurement

PREFIXES = {"samples": "", "reconstructions": "reconstruction/"}
PLACES = {"samples": "sample_quality", "reconstructions": "reconstruction_quality"}
SCORES = ("fid", "kid", "prdc")


@dataclass(frozen=True)
class ImageQuality:
    """FID, KID, precision, recall, density and coverage of samples or reconstructions against a split's real images.

    Samples and reconstructions are means of p(x|z), so they are compared with the real images before noise or
    binarization. The floor of each measurement compares as many training images, or all if there are fewer, with
    the real images.

    Args:
        of: `samples` of the prior or `reconstructions` of the split.
        num_samples: largest number of samples or reconstructions, >= 2.
        features: the feature network.
        scores: some of `fid`, `kid` and `prdc`.
        nearest_k: neighbours that define the balls of precision, recall, density and coverage.
        kid_subsets: number of subsets that KID averages over.
        kid_subset_size: images per subset, >= 2.
        folder: cache folder of the features of real images.
    """

    of: Literal["samples", "reconstructions"]
    num_samples: Annotated[int, Ge(2)]
    features: Features
    scores: Annotated[Collection[Literal["fid", "kid", "prdc"]], MinLen(1)]
    nearest_k: PositiveInt
    kid_subsets: PositiveInt
    kid_subset_size: Annotated[int, Ge(2)]
    folder: str

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        context.data.training()  # fails here if there is none: the floors need it
        network, folder = self.features(context.data, context.device, context.rank_zero_first), Path(self.folder)
        images = gather_features(context, network, lambda metric: self.images(context, metric))
        reference = RealImages(context, network, context.split, None, folder)
        training = RealImages(context, network, "train", len(images.rows), folder)
        measurements = []
        for score in self.scores:
            label = f"evaluation.{PLACES[self.of]} gives no {PREFIXES[self.of]}{score}/{network.name}"
            measurements += context.attempt(label, partial(self.measurements, score, images, reference, training))
        return measurements

    def images(self, context: EvaluationContext, metric: GatheredFeatures) -> Numbered:
        """This process's shard of the samples or reconstructions in [0, 1], with their indices."""
        if self.of == "samples":
            for number, x, _ in context.sample_chunks(metric, self.num_samples):
                yield context.data.to_unit(x), number * context.data.chunk + torch.arange(len(x), device=x.device)
            return
        # The loop over the reference has the same split and metric type, so this one needs another cache key.
        looped = replace(context, measure=f"{context.measure}.reconstructions")
        for _, (x, y, index) in looped.chunks(metric, limit=self.num_samples):
            yield context.data.to_unit(context.latent.reconstruct(x, y)), index

    def measurements(
        self, score: str, images: FeatureSet, reference: RealImages, training: RealImages
    ) -> list[Measurement]:
        """The measurements of one score; their floors come from as many training images."""
        values, floors = self.values(score, images, reference), self.floors(score, training, reference)
        features, num = reference.network.name, len(images.rows)
        warning = warn_of_few_images(min(num, len(reference.features.rows))) if score == "prdc" else ""
        return [
            Measurement(
                name=f"{PREFIXES[self.of]}{name}/{features}/n{num}",
                value=value,
                unit=self.unit(name),
                num_examples=num,
                features=features,
                floor=floors[name][0],
                error=error,
                warning=warning,
            )
            for name, (value, error) in values.items()
        ]

    def floors(self, score: str, training: RealImages, reference: RealImages) -> Values:
        """The values of one score for training images, cached beside their features."""
        # "strict" is part of the cache key: an earlier definition counted ties.
        parameters = {"fid": (), "kid": (self.kid_subsets, self.kid_subset_size), "prdc": (self.nearest_k, "strict")}[
            score
        ]
        name = fingerprint({}, score, *parameters, training.name, reference.name)
        path = reference.folder / f"{name}.pt"
        return load_or_compute(reference.context, path, lambda: self.values(score, training.features, reference))

    def values(self, score: str, images: FeatureSet, reference: RealImages) -> Values:
        """The values of one score for a set of images."""
        real = reference.features
        if score == "fid":
            return {"fid": (frechet_distance(images.moments, real.moments), None)}
        if score == "kid":
            return {"kid": kernel_distance(images.rows, real.rows, self.kid_subsets, self.kid_subset_size)}
        return {name: (value, None) for name, value in prdc(images.rows, real.rows, self.nearest_k).items()}

    def unit(self, name: str) -> str:
        """The unit of a measurement, with its parameters."""
        k = self.nearest_k
        return {
            "fid": "squared distance of features",
            "kid": f"squared MMD of features, {self.kid_subsets} subsets of {self.kid_subset_size}",
            "precision": f"share of images in a ball of {k} real neighbours",
            "recall": f"share of real images in a ball of {k} neighbours",
            "density": f"balls of {k} real neighbours around an image, over {k}",
            "coverage": f"share of balls of {k} real neighbours with an image",
        }[name]
