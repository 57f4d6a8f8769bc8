"""Laplace pixels: the likelihood behind an absolute-error loss."""

from jaxtyping import Float
from torch import Tensor, distributions
from torch.distributions import Independent, constraints

from vaelab.distribution.operations import bounded_log_scale
from vaelab.likelihood.likelihood import Likelihood
from vaelab.ranges import PositiveFloat, Shape


class FixedLaplace(Likelihood):
    """p(x|z) = prod_i exp(-|x_i - m_i| / scale) / (2 scale), with m from the decoder.

    Args:
        shape: shape of one example.
        scale: the scale of each pixel.
    """

    num_parameters = 1
    support = constraints.real
    support_text = "finite x"

    def __init__(self, shape: Shape, scale: PositiveFloat = 1.0) -> None:
        super().__init__(shape)
        self.scale = scale

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        (loc,) = self.unpack(parameters)
        return self.join_pixels(distributions.Laplace(loc, self.scale, validate_args=False))


class PredictedLaplace(Likelihood):
    """p(x|z) = prod_i exp(-|x_i - m_i| / s_i) / (2 s_i), with m and log s from the decoder.

    Args:
        shape: shape of one example.
    """

    num_parameters = 2
    support = constraints.real
    support_text = "finite x"

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        loc, raw = self.unpack(parameters)
        return self.join_pixels(distributions.Laplace(loc, bounded_log_scale(raw).exp(), validate_args=False))
