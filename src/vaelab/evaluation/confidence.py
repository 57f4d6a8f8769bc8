"""Whether samples look like something that a classifier knows."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.figure import Figure
from vaelab.evaluation.judge import judged
from vaelab.evaluation.subject import Subject


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
    """`sample_confidence` of `num_samples` samples, of unconditional models too, by a classifier kept in `folder`.

    Nothing where the data has no labels from which a classifier could learn.
    """

    num_samples: int
    folder: str

    def __call__(self, subject: Subject) -> list[Figure]:
        if not subject.data.num_classes:
            return []
        confidence = judged(subject, subject.metric(Confidence()), self.num_samples, self.folder)
        num = subject.capped(self.num_samples)
        return [
            Figure("sample_confidence", float(confidence.compute()), "mean probability of the likeliest class", num)
        ]
