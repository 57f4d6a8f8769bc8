"""Several choices at once, each of one category."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Categorical, Distribution, kl_divergence

from vaelab.distribution.operations import center, has_importance_weights, kl_per_dimension, with_temperature

NO_SHAPE = torch.Size()


class OneHots(Distribution):
    """V independent one-hot vectors of K categories, side by side: logits [*B, V, K], z [*B, V * K].

    log p(z) = sum_vk z_vk log pi_vk, the mass of z in nats. Draws are one-hot, with the gradient of a softmax
    at `temperature` where one is asked for (straight-through Gumbel-softmax), or are that softmax itself
    where `relaxed` (Jang et al. 2017, arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712). `exact` says that
    nobody learns from these gradients: relaxed draws have another density than log p(z), and one-hot ones the
    gradient of relaxed ones.
    """

    arg_constraints: ClassVar = {}
    has_rsample = True

    def __init__(
        self, logits: Float[Tensor, "*B V K"], temperature: Float[Tensor, ""], relaxed: bool = False, exact: bool = True
    ) -> None:
        self.logits = logits.log_softmax(-1)
        self.temperature = temperature
        self.relaxed = relaxed
        self.exact = exact and not relaxed
        super().__init__(logits.shape[:-2], torch.Size([logits.shape[-2:].numel()]), validate_args=False)

    @property
    def mean(self) -> Float[Tensor, "*B VK"]:
        return self.logits.exp().flatten(-2)

    def rsample(self, sample_shape: torch.Size = NO_SHAPE) -> Tensor:
        noise = self.logits.new_empty(*sample_shape, *self.logits.shape).exponential_().log()
        soft = ((self.logits - noise) / self.temperature).softmax(-1)
        # soft less itself is exactly zero, so that what is drawn is exactly one-hot
        return (soft if self.relaxed else one_hot_of(soft) + (soft - soft.detach())).flatten(-2)

    def log_prob(self, value: Float[Tensor, "*B VK"]) -> Tensor:
        return (value.unflatten(-1, self.logits.shape[-2:]) * self.logits).sum((-2, -1))

    @property
    def choices(self) -> Categorical:
        """The same as V categories, batch_shape [*B, V]."""
        return Categorical(logits=self.logits, validate_args=False)


def one_hot_of(scores: Float[Tensor, "*shape K"]) -> Float[Tensor, "*shape K"]:
    """1 at the highest of each K scores."""
    return torch.zeros_like(scores).scatter_(-1, scores.argmax(-1, keepdim=True), 1.0)


@center.register
def _(distribution: OneHots) -> Tensor:
    """The likeliest category of each: the mean is no choice at all."""
    return one_hot_of(distribution.logits).flatten(-2)


@with_temperature.register
def _(distribution: OneHots, temperature: float) -> OneHots:
    return OneHots(distribution.logits / temperature, distribution.temperature)


@has_importance_weights.register
def _(distribution: OneHots) -> bool:
    return distribution.exact


@kl_per_dimension.register
def _(q: OneHots, p: Distribution) -> Tensor | None:
    return kl_divergence(q.choices, p.choices) if isinstance(p, OneHots) else None
