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

Values = dict[str, tuple[float, float | None]]  # of each measurement its value, and its deviation where there is one

PREFIXES = {"samples": "", "reconstructions": "reconstruction/"}
PLACES = {"samples": "sample_quality", "reconstructions": "reconstruction_quality"}
SCORES = ("fid", "kid", "prdc")


@dataclass(frozen=True)
class ImageQuality:
    """FID, KID, precision, recall, density and coverage of at most `num_samples` images against a split's real ones.

    Samples and reconstructions are means of p(x|z), so the real images are those before any noise: grey where the
    model saw them binarized, as their mean is. The floor of each measurement is that of as many
    training images, or as many as there are. `of` says whether samples of the prior are looked at or
    reconstructions; `scores` are some of fid, kid and prdc. Features of real images are kept in `folder`.
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
        context.data.training()  # of which the floors are
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
        """This process's share of the samples or reconstructions."""
        if self.of == "samples":
            for number, x, _ in context.sample_chunks(metric, self.num_samples):
                yield context.data.to_unit(x), number * context.data.chunk + torch.arange(len(x), device=x.device)
            return
        # Under another name: the loop over the reference has the same split and the same kind of metric.
        looped = replace(context, measure=f"{context.measure}.reconstructions")
        for _, (x, y, index) in looped.chunks(metric, limit=self.num_samples):
            yield context.data.to_unit(context.latent.reconstruct(x, y)), index

    def measurements(
        self, score: str, images: FeatureSet, reference: RealImages, training: RealImages
    ) -> list[Measurement]:
        """What one score says of the images, and of as many training images."""
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
        """The same of training images, kept beside their features."""
        # Kept by their definition too, of which "strict" is the second: the first counted ties.
        parameters = {"fid": (), "kid": (self.kid_subsets, self.kid_subset_size), "prdc": (self.nearest_k, "strict")}[
            score
        ]
        name = fingerprint({}, score, *parameters, training.name, reference.name)
        path = reference.folder / f"{name}.pt"
        return load_or_compute(reference.context, path, lambda: self.values(score, training.features, reference))

    def values(self, score: str, images: FeatureSet, reference: RealImages) -> Values:
        """One score of some images."""
        real = reference.features
        if score == "fid":
            return {"fid": (frechet_distance(images.moments, real.moments), None)}
        if score == "kid":
            return {"kid": kernel_distance(images.rows, real.rows, self.kid_subsets, self.kid_subset_size)}
        return {name: (value, None) for name, value in prdc(images.rows, real.rows, self.nearest_k).items()}

    def unit(self, name: str) -> str:
        """What a measurement counts, and with which parameters."""
        k = self.nearest_k
        return {
            "fid": "squared distance of features",
            "kid": f"squared MMD of features, {self.kid_subsets} subsets of {self.kid_subset_size}",
            "precision": f"share of images in a ball of {k} real neighbours",
            "recall": f"share of real images in a ball of {k} neighbours",
            "density": f"balls of {k} real neighbours around an image, over {k}",
            "coverage": f"share of balls of {k} real neighbours with an image",
        }[name]
