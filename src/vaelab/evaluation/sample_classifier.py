"""A classifier of the data's own classes, which judges samples and, for comparison, real images."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.features.classifier import Classifier, trained_classifier
from vaelab.features.cnn import labelled_images, name_of, refuse_others

MAX_EXAMPLES = 60_000  # as conf/features/cnn.yaml has it: one classifier then serves both
EPOCHS = 3

M = TypeVar("M", bound=Metric)


class SampleClassifier(NamedTuple):
    """A classifier, and its name, without which no number of it may stand."""

    name: str
    classifier: Classifier

    def __call__(self, x: Tensor) -> Tensor:
        """Images in [0, 1] to logits."""
        return self.classifier(x)


def train_sample_classifier(context: EvaluationContext, folder: str) -> SampleClassifier:
    """Trained on the data's own train split, once, and kept in `folder`."""
    refuse_others(context.data)
    x, y = labelled_images(context.data, MAX_EXAMPLES)
    train: Callable[[], Classifier] = lambda: trained_classifier(  # noqa: E731
        x, y, context.data.num_classes, Path(folder), EPOCHS
    )
    classifier = context.rank_zero_first(train)
    return SampleClassifier(name_of(context.data, x, y, EPOCHS, classifier), classifier.to(context.device))


def classify_samples(context: EvaluationContext, classifier: SampleClassifier, metric: M, num_samples: int) -> M:
    """A metric of the classifier's logits for samples of the prior and the labels that were asked for."""
    for chunk in context.sample_chunks(metric, num_samples):
        metric.update(classifier(context.data.to_unit(chunk.x)), chunk.y)
    return metric


def classify_images(context: EvaluationContext, classifier: SampleClassifier, metric: M) -> M:
    """The same of the split's real images, as they are stored, and their labels."""
    data, size = context.data, context.num_examples
    for number in context.numbers(metric, -(-size // data.chunk), context.split):
        index = torch.arange(number * data.chunk, min((number + 1) * data.chunk, size))
        y = data.split(context.split)[index].y
        assert y is not None, "data with classes has labels"
        metric.update(classifier(data.brightness(context.split, index).to(context.device)), y.to(context.device))
    return metric


def warn_of_few_classes(num_samples: int, num_classes: int) -> str:
    """Why a classifier's word counts little, or nothing where it does."""
    if num_classes == 1:
        return "the data has one class, which every classifier recognises in anything"
    if num_samples < num_classes:
        return (
            f"{num_samples} samples show {num_samples} of {num_classes} classes; set num_samples to many of each class"
        )
    return ""
