"""Whether samples show the class that was asked for."""

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


class LabelFidelity(Metric):
    """Share of samples that an independent classifier puts into the class asked for.

    The classification accuracy of Ravuri & Vinyals 2019 (arXiv:1905.10887) turned round: their classifier
    learns from samples and is tested on real images, this one learns from real images and judges samples.
    """

    full_state_update = False
    num: Tensor
    correct: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "correct"):
            self.add_state(name, torch.zeros(num_classes, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"]) -> None:
        hits = (logits.argmax(1) == y).double() + 0 * logits.double().sum(1)  # what is no number stays visible
        self.num += torch.bincount(y, minlength=len(self.num))
        self.correct += torch.bincount(y, weights=hits, minlength=len(self.num))

    def compute(self) -> Tensor:
        return self.correct.sum() / self.num.sum()

    def per_class(self) -> Float[Tensor, " Y"]:
        """The same for each class asked for."""
        return self.correct / self.num


@dataclass(frozen=True)
class SampleLabels:
    """`label_fidelity/<classifier>` of `num_samples` samples of a conditional model, equally many of each class.

    Another classifier gives another number, so it is named, and its accuracy on the split's real images is the
    floor: what samples as good as those would get. It is kept in `folder`. An unconditional model cannot be told
    a class.
    """

    num_samples: PositiveInt
    folder: str

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        if not context.latent.conditional:
            return []
        num, num_classes = context.limited(self.num_samples), context.data.num_classes
        by = train_sample_classifier(context, self.folder)
        of_samples, of_images = (context.metric(LabelFidelity(num_classes)) for _ in range(2))
        share = float(classify_samples(context, by, of_samples, self.num_samples).compute())
        floor = float(classify_images(context, by, of_images).compute())
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
