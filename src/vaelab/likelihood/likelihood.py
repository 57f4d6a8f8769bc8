"""The base class of likelihoods."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions.constraints import Constraint

from vaelab.distribution.joint import Joint
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Shape


class Likelihood(nn.Module):
    """p(x|z): decoder parameters -> the distribution of one whole x.

    Its forward takes parameters [*batch, P, *shape], where P is `num_parameters`, and returns a distribution
    of batch_shape [*batch] and event_shape `shape`. So `log_prob(x)` is one number per example: nats, summed
    over pixels and channels, with every normalizer, in float32 for any precision of the decoder.

    Args:
        shape: shape of one example.
    """

    num_parameters: int
    support: Constraint
    support_text: str

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def accepts(self, x: Float[Tensor, "B *event"]) -> bool:
        """Whether all of x lies in the support."""
        return bool((self.support.check(x) & x.isfinite()).all())

    def is_density(self, x: Float[Tensor, "B *event"]) -> bool:
        """Whether log_prob of this x is the logarithm of a normalized probability or density."""
        return self.accepts(x)

    def unpack(self, parameters: Float[Tensor, "..."]) -> tuple[Float[Tensor, "..."], ...]:
        """The P parameters of each pixel and channel, each [*batch, *shape], in float32."""
        return full_precision(parameters).unbind(-len(self.shape) - 1)

    def join_pixels(self, distribution: Distribution) -> Independent:
        """The joint distribution of x, from the distributions of its pixels and channels."""
        return Joint(distribution, len(self.shape), validate_args=False)
