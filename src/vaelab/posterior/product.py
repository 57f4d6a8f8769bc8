"""A product of posteriors of several kinds."""

from collections.abc import Callable, Mapping

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.product import Product as ProductDistribution
from vaelab.protocol import Posterior
from vaelab.ranges import Supplied


class Product(nn.Module):
    """q(z|x) = prod_i q_i(z_i|x): posteriors of the same features, their latents concatenated.

    Dupont 2018, arXiv:1804.00104, combines a Gaussian and categories. The prior must have parts of the same
    kinds in the same order.

    Args:
        num_features: F, features of the encoder.
        parts: name -> factory of q_i, given num_features.
    """

    def __init__(self, num_features: Supplied, parts: Mapping[str, Callable[..., nn.Module]]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({name: part(num_features=num_features) for name, part in parts.items()})
        posteriors: list[Posterior] = list(self.parts.values())  # type: ignore[arg-type]
        self.size = sum(part.size for part in posteriors)

    def forward(self, features: Float[Tensor, "B F"]) -> ProductDistribution:
        return ProductDistribution([part(features) for part in self.parts.values()])
