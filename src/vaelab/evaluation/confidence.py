"""Confidence of a classifier in samples."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.sample_classifier import (
    score_images,
    score_samples,
    train_sample_classifier,
    warn_of_few_classes,
)
from vaelab.ranges import PositiveInt


@dataclass(frozen=True)
class SampleConfidence:
    """`sample_confidence/<classifier>` of `num_samples` samples, of unconditional models too.

    The classifier is kept in `folder`, and its confidence in the split's real images is the floor. Nothing where the
    data has no labels from which a classifier could learn.
    """

    num_samples: PositiveInt
    folder: str

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        if not context.data.num_classes:
            return []
        num, by = context.limited(self.num_samples), train_sample_classifier(context, self.folder)
        return [
            Measurement(
                name=f"sample_confidence/{by.name}",
                value=score_samples(context, by, confidence, self.num_samples),
                unit="mean probability of the likeliest class",
                num_examples=num,
                features=by.name,
                floor=score_images(context, by, confidence),
                warning=warn_of_few_classes(context.data.num_classes, context.data.num_classes),
            )
        ]


def confidence(logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"] | None = None) -> Float[Tensor, " B"]:
    """max_y p(y | x), the largest class probability, by an independent classifier.

    The half of the inception score that speaks of single images: an image of no class at all gets a flat p(y | x)
    (Salimans et al. 2016, arXiv:1606.03498, section 4). Compare it with that of real images of the same data.
    """
    return logits.double().softmax(1).amax(1)
