"""Whether samples show the requested class."""

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
class SampleLabels:
    """`label_fidelity/<classifier>`: share of samples of a conditional model that show the requested class.

    The classes are requested equally often. The value depends on the classifier, so its name is part of the
    measurement's name, and its accuracy on the split's real images is the floor. An unconditional model gets no
    measurement.

    Args:
        num_samples: number of samples.
        folder: cache folder of the classifier.
    """

    num_samples: PositiveInt
    folder: str

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        if not context.latent.conditional:
            return []
        num, num_classes = context.limited(self.num_samples), context.data.num_classes
        by = train_sample_classifier(context, self.folder)
        share = score_samples(context, by, label_fidelity, self.num_samples)
        floor = score_images(context, by, label_fidelity)
        return [
            Measurement(
                name=f"label_fidelity/{by.name}",
                value=share,
                unit="share of samples",
                num_examples=num,
                features=by.name,
                floor=floor,
                error=(share * (1 - share) / num) ** 0.5,
                warning=warn_of_few_classes(num, num_classes),
            )
        ]


def label_fidelity(logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"] | None) -> Float[Tensor, " B"]:
    """1 where an independent classifier assigns a sample to the requested class, else 0; NaN where a logit is NaN.

    The reverse of the classification accuracy score of Ravuri & Vinyals 2019 (arXiv:1905.10887): their classifier
    is trained on samples and tested on real images, this one is trained on real images and tested on samples.
    """
    assert y is not None, "a conditional model samples given labels"
    return (logits.argmax(1) == y).double() + 0 * logits.double().sum(1)
