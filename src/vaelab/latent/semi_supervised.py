"""M2: the label is a latent variable where it is unknown."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.errors import UserError
from vaelab.latent.label_terms import label_terms
from vaelab.latent.prior import PriorFactory
from vaelab.latent.single import Single
from vaelab.latent.structure import LatentStructure
from vaelab.nn.full_precision import full_precision
from vaelab.protocol import Condition, Decoder, Density, Encoder, Posterior
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Batch, Terms


class Inference(NamedTuple):
    """log q(y | x), q(z | x, y) of all labels in Y blocks of B rows, the known or likeliest label, and its q(z)."""

    log_qy: Float[Tensor, "B Y"]
    rows: Distribution
    label: Int[Tensor, " B"]
    posterior: Distribution


class SemiSupervised(LatentStructure):
    """M2: q(y|x) q(z|x,y), a uniform p(y), p(z|y) and p(x|z,y)        Kingma et al. 2014, arXiv:1406.5298, eq. 6 to 9.

    A known label gives -L(x, y) = E_q(z|x,y)[log p(x, y, z) - log q(z|x, y)], a bound on log p(x, y), and
    `classification_weight` times the mean of -log q(y|x) over the known labels. An unknown one gives
    sum_y q(y|x) (-L(x, y)) + H(q(y|x)), a bound on log p(x) in which y is summed over and not sampled. Evaluation
    treats every label as unknown, so that its numbers compare with those of models without labels.

    Args:
        condition: y -> [B, Y], of size > 0.
        encoder: factory, built twice: for q(z | x, y) and for q(y | x).
        posterior: factory of q(z | x, y).
        prior: p(z | y), or a factory of it.
        decoder: factory, given the sizes of z, condition and likelihood.
        likelihood: decoder parameters -> p(x | z, y).
        classification_weight: weight of -log q(y | x), beside a bound in nats per example.
    """

    infers_labels = True

    def __init__(
        self,
        condition: Condition,
        encoder: Callable[..., Encoder],
        posterior: Callable[..., Posterior],
        prior: nn.Module | PriorFactory,
        decoder: Callable[..., Decoder],
        likelihood: Density,
        classification_weight: NonNegativeFloat,
    ) -> None:
        super().__init__()
        if not condition.size:
            raise UserError(
                "latent 'semi_supervised' infers labels, but condition 'none' has none; set condition=label"
            )
        self.num_classes = condition.size
        self.single = Single(condition, encoder, posterior, prior, decoder, likelihood)
        self.condition, self.prior, self.likelihood = condition, self.single.prior, likelihood
        self.features = encoder(condition_size=0)
        self.head = nn.Linear(self.features.num_features, self.num_classes)
        self.classification_weight = classification_weight

    def classify(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B Y"]:
        """The logits of q(y | x)."""
        return full_precision(self.head(self.features(x, torch.zeros(len(x), 0, device=x.device))))

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Inference:
        log_qy, known = self.classify(x).log_softmax(1), self.label_mask(x, y)
        label = torch.where(known.any(1), known.int().argmax(1), log_qy.argmax(1))
        rows = self.repeat_for_each_label(x)
        return Inference(log_qy, self.single.infer(rows.x, rows.y), label, self.single.infer(x, label))

    def score(self, batch: Batch, inferred: Inference, num_samples: int) -> Terms:
        """Draw S latents for each label and average over labels."""
        log_qy, rows, label, posterior = inferred
        known = self.label_mask(batch.x, batch.y)
        each = self.single.score(self.repeat_for_each_label(batch.x), rows, num_samples)
        prior = self.single.prior(self.single.condition(label, batch.x))
        terms = label_terms(each, log_qy, known, label, posterior, prior)
        # Scaled so that the mean over the batch is the weighted mean over its known labels.
        scale = self.classification_weight * len(known) / known.sum().clamp(min=1)
        terms.penalties["classification"] = -scale * torch.where(known, log_qy, 0.0).sum(1)
        return terms

    def label_mask(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Bool[Tensor, "B Y"]:
        """One-hot of the label in training; all False where it is unknown, and in evaluation."""
        if y is None or not self.training:
            return torch.zeros(len(x), self.num_classes, dtype=torch.bool, device=x.device)
        return y.unsqueeze(1) == torch.arange(self.num_classes, device=x.device)

    def repeat_for_each_label(self, x: Float[Tensor, "B *event"]) -> Batch:
        """The whole batch with label 0, then with label 1, …, as one batch."""
        index = torch.arange(self.num_classes * len(x), device=x.device)
        labels = torch.arange(self.num_classes, device=x.device).repeat_interleave(len(x))
        return Batch(x.expand(self.num_classes, *x.shape).flatten(0, 1), labels, index)

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The center of q(z | x, y), at the likeliest label if y is None."""
        return self.single.encode(x, self.classify(x).argmax(1) if y is None else y)

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        return self.single.generate(z, c)

    def draw(self, n: int, y: Int[Tensor, " n"] | None, temperature: float = 1.0) -> Float[Tensor, "n D"]:
        """n latents from p(z | y), its scale multiplied by `temperature`."""
        return self.single.draw(n, y, temperature)

    def sample(self, n: int, y: Int[Tensor, " n"] | None, temperature: float = 1.0) -> Tensor:
        """n images [n, *event], with labels from p(y) if y is None."""
        if y is None:
            y = torch.randint(self.num_classes, (n,), device=self.head.weight.device)
        return self.single.sample(n, y, temperature)

    def reconstruct(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Tensor:
        """The mean of p(x | z, y) at the likeliest label and its code; `y` is not used."""
        return self.single.reconstruct(x, self.classify(x).argmax(1))
