"""The base class of latent structures: batch -> Terms."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.codebook.quantization import Codebook
from vaelab.distribution.operations import with_temperature
from vaelab.protocol import Condition, Density
from vaelab.terms import Batch, Terms


class LatentStructure(nn.Module):
    """How the latents of a model depend on each other and on x: batch -> Terms.

    A subclass implements `infer`, `score`, `encode`, `draw` and `generate`. `infer` runs the encoder once; its result
    has any type that the subclass's `score` accepts, and `score` may draw from it several times.

    Attributes:
        condition: y -> [B, Y], the condition of encoder, prior and decoder.
        prior: condition [B, Y] -> p(z | y).
        likelihood: decoder parameters -> p(x | z, y).
        codebook: the codebook whose codes are the latents, or None. With one, `infer` returns a Quantization.
        is_single_vector: whether the latent is one vector, with q(z | x, y) from `infer` and p(z | y) from `prior`.
        infers_labels: whether `classify` gives q(y | x), so that unlabelled examples are allowed.
    """

    condition: Condition
    prior: Any
    likelihood: Density
    codebook: Codebook | None
    is_single_vector = False
    infers_labels = False

    def __init__(self) -> None:
        super().__init__()
        self.codebook = None

    @property
    def conditional(self) -> bool:
        """Whether samples can be requested by label."""
        return bool(self.condition.size)

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Any:
        raise NotImplementedError

    def score(self, batch: Batch, inferred: Any, num_samples: int) -> Terms:
        raise NotImplementedError

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        raise NotImplementedError

    def draw(
        self, n: int, y: Int[Tensor, " n"] | None, temperature: float | Sequence[float] = 1.0
    ) -> Float[Tensor, "n D"]:
        raise NotImplementedError

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        """Likelihood parameters for codes and their conditions."""
        raise NotImplementedError

    def classify(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B Y"]:
        """The logits of q(y | x), where `infers_labels`."""
        raise NotImplementedError

    def join_levels(self, latents: Sequence[Tensor]) -> Float[Tensor, "S B D"]:
        """`Terms.latents` as the z that `decode` takes."""
        return latents[0]

    def forward(self, batch: Batch, num_samples: int = 1) -> Terms:
        return self.score(batch, self.infer(batch.x, batch.y), num_samples)

    def draw_prior(self, n: int, y: Int[Tensor, " n"] | None, temperature: float) -> Shaped[Tensor, "n *latent"]:
        """n latents from p(z | y), its spread multiplied by `temperature`."""
        device = next(self.parameters()).device
        prior: Distribution = with_temperature(
            self.prior(self.condition(y, torch.empty(n, 0, device=device))), temperature
        )
        return prior.sample(torch.Size([] if prior.batch_shape else [n]))

    def decode(self, z: Float[Tensor, "*S B D"], y: Int[Tensor, " B"] | None) -> Distribution:
        """p(x | z, y) with batch shape [*S, B]."""
        c = self.condition(y, z[(0,) * (z.dim() - 2)])
        c = c.expand(*z.shape[:-1], -1).flatten(0, -2)  # without columns if there is no condition
        parameters = self.generate(z.flatten(0, -2), c)
        return self.likelihood(parameters.unflatten(0, z.shape[:-1]))

    def sample(
        self, n: int, y: Int[Tensor, " n"] | None, temperature: float | Sequence[float] = 1.0
    ) -> Float[Tensor, "n *event"]:
        """n images: the mean of p(x | z, y) for latents of the prior, without pixel noise."""
        return self.decode(self.draw(n, y, temperature), y).mean

    def reconstruct(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B *event"]:
        """The mean of p(x | z, y) at the code of x."""
        return self.decode(self.encode(x, y), y).mean
