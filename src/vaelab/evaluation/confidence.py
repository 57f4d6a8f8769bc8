"""Whether samples look like something that a classifier knows."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement
from vaelab.evaluation.sample_classifier import (
    classify_images,
    classify_samples,
    train_sample_classifier,
    warn_of_few_classes,
)
from vaelab.ranges import PositiveInt


class Confidence(Metric):
    """Mean over samples of the largest class probability max_y p(y | x), by an independent classifier.

    The half of the inception score that speaks of single images: one of no class at all gets a flat p(y | x)
    (Salimans et al. 2016, arXiv:1606.03498, section 4). Real images of the same data are what to hold it against.
    """

    full_state_update = False
    num: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "total"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"] | None = None) -> None:
        self.num += len(logits)
        self.total += logits.double().softmax(1).amax(1).sum()

    def compute(self) -> Tensor:
        return self.total / self.num


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
        of_samples, of_images = (context.metric(Confidence()) for _ in range(2))
        return [
            Measurement(
                name=f"sample_confidence/{by.name}",
                value=float(classify_samples(context, by, of_samples, self.num_samples).compute()),
                unit="mean probability of the likeliest class",
                num_examples=num,
                features=by.name,
                floor=float(classify_images(context, by, of_images).compute()),
                warning=warn_of_few_classes(context.data.num_classes, context.data.num_classes),
            )
        ]
