"""A product of priors of several kinds."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.product import Product as ProductDistribution


class Product(nn.Module):
    """p(z|y) = prod_i p_i(z_i|y), concatenated in the order of the posterior's parts.

    Dupont 2018, arXiv:1804.00104

    Args:
        parts: name -> p_i, in the posterior's order.
    """

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)

    def forward(self, condition: Float[Tensor, "B C"]) -> ProductDistribution:
        return ProductDistribution([part(condition) for part in self.parts.values()])
