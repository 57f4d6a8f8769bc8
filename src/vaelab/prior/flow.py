"""A Gaussian prior transformed by a normalizing flow."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.distribution.flow import Flow as FlowDistribution
from vaelab.distribution.flow import init_at_identity_
from vaelab.errors import UserError
from vaelab.prior.standard_normal import StandardNormal
from vaelab.ranges import NumClasses, Width


class Flow(nn.Module):
    """log p(z) = log N(f(z); 0, I) + log |det df/dz|, f learned: batch_shape [], or [B] for p(z|y).

    Chen et al. 2017, arXiv:1611.02731, section 3.2. With `condition_size` = 0 it is the same
    for all conditions.

    Args:
        latent_dim: D, elements of z.
        condition_size: Y, the size of the condition, or 0.
        flow: factory, given `features` = D and `context` = Y, of a zuko flow; only its `transform` is used.
    """

    def __init__(self, latent_dim: Width, condition_size: NumClasses, flow: Callable[..., Any]) -> None:
        super().__init__()
        self.condition_size = condition_size
        self.base = StandardNormal(latent_dim)
        self.transform: Any = init_at_identity_(flow(features=latent_dim, context=condition_size).transform)

    def forward(self, condition: Float[Tensor, "B C"]) -> FlowDistribution:
        base = self.base(condition)
        if not self.condition_size:
            return FlowDistribution(self.transform(None), base)
        if condition.shape[1] != self.condition_size:
            raise UserError(
                f"prior 'flow' has condition_size={self.condition_size}, but the condition has "
                f"{condition.shape[1]} columns; set condition=label, or prior.condition_size=0"
            )
        return FlowDistribution(self.transform(condition), base.expand(condition.shape[:1]))
