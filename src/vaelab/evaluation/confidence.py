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
    """`sample_confidence/<classifier>`: mean probability of the most likely class of samples from the prior.

    The floor is the same number for the split's real images. Data without labels get no measurement.

    Args:
        num_samples: number of samples.
        folder: cache folder of the classifier.
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

    One half of the inception score: an image that shows no class gets a flat p(y | x)
    (Salimans et al. 2016, arXiv:1606.03498, section 4). Compare it with that of real images of the same data.
    """
    return logits.double().softmax(1).amax(1)
