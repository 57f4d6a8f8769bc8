"""A uniform prior over categorical variables."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.one_hots import OneHots
from vaelab.ranges import Levels, Width


class UniformCategorical(nn.Module):
    """p(z) = prod_v 1 / num_categories over one-hot z_v, for every condition: batch_shape [].

    Jang et al. 2017, arXiv:1611.01144.

    Args:
        latent_dim: V, number of variables, as in posterior/gumbel_softmax.
        num_categories: K, categories of each.
    """

    logits: Tensor
    unit: Tensor

    def __init__(self, latent_dim: Width, num_categories: Levels) -> None:
        super().__init__()
        self.register_buffer("logits", torch.zeros(latent_dim, num_categories), persistent=False)
        self.register_buffer("unit", torch.tensor(1.0), persistent=False)

    def forward(self, condition: Float[Tensor, "B C"]) -> OneHots:
        return OneHots(self.logits, self.unit)
