"""How often a label is recognised."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from vaelab.evaluation.context import EvaluationContext
from vaelab.evaluation.measurement import Measurement


class Accuracy(Metric):
    """Share of examples whose highest logit is that of their label, over all examples of all processes."""

    full_state_update = False
    num: Tensor
    correct: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("num", "correct"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"]) -> None:
        self.num += len(y)
        self.correct += (logits.argmax(1) == y).sum()

    def compute(self) -> tuple[Tensor, int]:
        """The share, and the number of examples behind it."""
        return self.correct / self.num, int(self.num)


@dataclass(frozen=True)
class LabelAccuracy:
    """`accuracy`, the share of examples whose likeliest label under q(y | x) is theirs, of a model that infers y."""

    def __call__(self, context: EvaluationContext) -> list[Measurement]:
        if not context.latent.infers_labels:
            return []
        accuracy = context.metric(Accuracy())
        for chunk in context.chunks(accuracy):
            assert chunk.batch.y is not None, "a model that classifies was built from labels"
            accuracy.update(context.latent.classify(chunk.batch.x), chunk.batch.y)
        share, num = accuracy.compute()
        return [Measurement("accuracy", float(share), "share of examples", num)]
