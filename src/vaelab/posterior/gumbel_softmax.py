"""A posterior over categorical variables."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.one_hots import OneHots
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Levels, PositiveFloat, Supplied, Width


class GumbelSoftmax(nn.Module):
    """q(z|x) = prod_v Cat(z_v; pi_v), z one-hot: `latent_dim` variables of `num_categories` each, concatenated.

    Jang et al. 2017, arXiv:1611.01144; Maddison et al. 2017, arXiv:1611.00712. In training z carries the
    gradient of a softmax at `temperature`, and is that softmax unless `straight_through`. In evaluation z is
    one-hot, so that log q(z|x) is its log-probability and the bounds hold; in training it has no importance
    weights. `temperature` is a buffer, for callback temperature_annealing to write.

    Args:
        num_features: F, features of the encoder.
        latent_dim: V, number of variables.
        num_categories: K, categories of each.
        temperature: of the softmax in training.
        straight_through: whether z is one-hot in training too.
    """

    temperature: Tensor

    def __init__(
        self,
        num_features: Supplied,
        latent_dim: Width,
        num_categories: Levels,
        temperature: PositiveFloat,
        straight_through: bool,
    ) -> None:
        super().__init__()
        self.shape = (latent_dim, num_categories)
        self.size = latent_dim * num_categories
        self.straight_through = straight_through
        self.head = nn.Linear(num_features, self.size)
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    def forward(self, features: Float[Tensor, "B F"]) -> OneHots:
        logits = full_precision(self.head(features)).unflatten(-1, self.shape)
        relaxed = self.training and not self.straight_through
        return OneHots(logits, self.temperature, relaxed, exact=not self.training)
