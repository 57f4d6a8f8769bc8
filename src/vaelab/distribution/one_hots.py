"""Independent categorical variables, as one-hot vectors."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Categorical, Distribution, kl_divergence

from vaelab.distribution.operations import center, has_importance_weights, kl_per_dimension, with_temperature

NO_SHAPE = torch.Size()


class OneHots(Distribution):
    """V independent one-hot vectors of K categories, concatenated: logits [*B, V, K], z [*B, V * K].

    log p(z) = sum_vk z_vk log pi_vk, in nats. Samples of rsample are one-hot with the gradient of a softmax at
    `temperature` (straight-through Gumbel-softmax), or that softmax itself if `relaxed` (Jang et al. 2017,
    arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712). Relaxed samples have another density than log p(z), and
    one-hot samples the gradient of relaxed ones.

    Args:
        logits: unnormalized log-probabilities, [*B, V, K].
        temperature: of the softmax.
        relaxed: whether samples are the softmax.
        exact: whether the gradients of one-hot samples are not used, so that importance weights are valid.
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
        # soft - soft is exactly zero, so that samples are exactly one-hot
        return (soft if self.relaxed else one_hot_argmax(soft) + (soft - soft.detach())).flatten(-2)

    def log_prob(self, value: Float[Tensor, "*B VK"]) -> Tensor:
        return (value.unflatten(-1, self.logits.shape[-2:]) * self.logits).sum((-2, -1))

    @property
    def categoricals(self) -> Categorical:
        """The V variables, batch_shape [*B, V]."""
        return Categorical(logits=self.logits, validate_args=False)


def one_hot_argmax(scores: Float[Tensor, "*shape K"]) -> Float[Tensor, "*shape K"]:
    """1 at the highest of each K scores."""
    return torch.zeros_like(scores).scatter_(-1, scores.argmax(-1, keepdim=True), 1.0)


@center.register
def _(distribution: OneHots) -> Tensor:
    """The most probable category of each variable; the mean is not one-hot."""
    return one_hot_argmax(distribution.logits).flatten(-2)


@with_temperature.register
def _(distribution: OneHots, temperature: float) -> OneHots:
    return OneHots(distribution.logits / temperature, distribution.temperature)


@has_importance_weights.register
def _(distribution: OneHots) -> bool:
    return distribution.exact


@kl_per_dimension.register
def _(q: OneHots, p: Distribution) -> Tensor | None:
    return kl_divergence(q.categoricals, p.categoricals) if isinstance(p, OneHots) else None
