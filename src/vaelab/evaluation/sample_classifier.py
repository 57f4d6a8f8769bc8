"""A classifier of the data's own classes, applied to samples and, for comparison, to real images."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.evaluation.context import EvaluationContext
from vaelab.features.classifier import Classifier, load_or_train_classifier
from vaelab.features.cnn import labelled_images, name_of, require_images
from vaelab.metric.moments import Moments

MAX_EXAMPLES = 60_000  # equal to conf/features/cnn.yaml, so that both share one classifier
EPOCHS = 3

# From logits and the requested labels, if any, to one number per sample.
Score = Callable[[Float[Tensor, "B Y"], Int[Tensor, " B"] | None], Float[Tensor, " B"]]


class SampleClassifier(NamedTuple):
    """A classifier and the name that is part of its measurements' names."""

    name: str
    classifier: Classifier

    def __call__(self, x: Tensor) -> Tensor:
        """Images in [0, 1] -> logits."""
        return self.classifier(x)


def train_sample_classifier(context: EvaluationContext, folder: str) -> SampleClassifier:
    """A classifier trained on the data's train split, or loaded from `folder`."""
    require_images(context.data)
    x, y = labelled_images(context.data, MAX_EXAMPLES)
    train: Callable[[], Classifier] = lambda: load_or_train_classifier(  # noqa: E731
        x, y, context.data.num_classes, Path(folder), EPOCHS
    )
    classifier = context.rank_zero_first(train)
    return SampleClassifier(name_of(context.data, x, y, EPOCHS, classifier), classifier.to(context.device))


def score_samples(context: EvaluationContext, classifier: SampleClassifier, score: Score, num_samples: int) -> float:
    """Mean score of samples of the prior, given the requested labels."""
    moments = context.metric(Moments(["score"]))
    for chunk in context.sample_chunks(moments, num_samples):
        moments.update({"score": score(classifier(context.data.to_unit(chunk.x)), chunk.y)})
    return float(moments.compute().mean("score"))


def score_images(context: EvaluationContext, classifier: SampleClassifier, score: Score) -> float:
    """Mean score of the split's real images, before noise or binarization, given their labels."""
    moments = context.metric(Moments(["score"]))
    data, size = context.data, context.num_examples
    for number in context.numbers(moments, -(-size // data.chunk), context.split):
        index = torch.arange(number * data.chunk, min((number + 1) * data.chunk, size))
        y = data.split(context.split)[index].y
        assert y is not None, "data with classes has labels"
        logits = classifier(data.brightness(context.split, index).to(context.device))
        moments.update({"score": score(logits, y.to(context.device))})
    return float(moments.compute().mean("score"))


def warn_of_few_classes(num_samples: int, num_classes: int) -> str:
    """Why the classifier's number is not informative; empty if it is."""
    if num_classes == 1:
        return "the data has one class, which every classifier recognises in anything"
    if num_samples < num_classes:
        return (
            f"{num_samples} samples show {num_samples} of {num_classes} classes; set num_samples to many of each class"
        )
    return ""
