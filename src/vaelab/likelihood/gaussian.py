"""Gaussian pixels with a fixed, learned, predicted or optimal scale."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn
from torch.distributions import Independent, Normal, constraints

from vaelab.distribution.operations import bounded_log_scale
from vaelab.distribution.optimal_normal import OptimalNormal
from vaelab.likelihood.likelihood import Likelihood
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Decay, PositiveFloat, Shape

MIN_SCALE = math.exp(-6)  # as in the code of Rybkin et al.


class FixedGaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; m_i, scale^2), with m from the decoder.

    Args:
        shape: shape of one example.
        scale: the standard deviation of each pixel.
    """

    num_parameters = 1
    support = constraints.real
    support_text = "finite x"

    def __init__(self, shape: Shape, scale: PositiveFloat = 1.0) -> None:
        super().__init__(shape)
        self.scale = scale

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        (loc,) = self.unpack(parameters)
        return self.join_pixels(Normal(loc, self.scale, validate_args=False))


class LearnedGaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; m_i, s^2), with m from the decoder and one learned s for all pixels.

    Args:
        shape: shape of one example.
    """

    num_parameters = 1
    support = constraints.real
    support_text = "finite x"

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        (loc,) = self.unpack(parameters)
        scale = bounded_log_scale(full_precision(self.log_scale)).exp()
        return self.join_pixels(Normal(loc, scale, validate_args=False))


class PredictedGaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; m_i, s_i^2), with m and log s from the decoder.

    Args:
        shape: shape of one example.
    """

    num_parameters = 2
    support = constraints.real
    support_text = "finite x"

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        loc, raw = self.unpack(parameters)
        return self.join_pixels(Normal(loc, bounded_log_scale(raw).exp(), validate_args=False))


class OptimalGaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; m_i, s^2), with the s of maximum likelihood on the training batch.

    s^2 = mean of (x - m)^2 over batch, pixels and channels      (Rybkin et al. 2021, arXiv:2006.13202)

    Evaluation uses a moving average of the training values, so that an example's log_prob does not depend on
    the other examples of its batch, and does not update it.

    Args:
        shape: shape of one example.
        decay: decay of the moving average of s^2.
        min_scale: lower bound of s.
    """

    num_parameters = 1
    support = constraints.real
    support_text = "finite x"
    variance: Tensor
    num_updates: Tensor

    def __init__(self, shape: Shape, decay: Decay = 0.99, min_scale: PositiveFloat = MIN_SCALE) -> None:
        super().__init__(shape)
        self.decay = decay
        self.min_scale = min_scale
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("num_updates", torch.zeros((), dtype=torch.long))

    def forward(self, parameters: Float[Tensor, "..."]) -> OptimalNormal:
        (loc,) = self.unpack(parameters)
        return OptimalNormal(loc, len(self.shape), self.variance.sqrt(), self.scale_for)

    @torch.no_grad()
    def scale_for(self, squared_error: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """The scale s: in training the optimum for these errors, which also updates the moving average.

        Without gradient, because at the optimum the log-likelihood is flat in s.
        """
        if not self.training:
            return self.variance.sqrt()
        variance = mean_over_ranks(squared_error.mean()).clamp(min=self.min_scale**2)
        self.num_updates += 1
        # A plain mean while the history is short, so that the initial value has no weight.
        rate = (1 / self.num_updates).clamp(min=1 - self.decay)
        self.variance.lerp_(variance, rate)
        return variance.sqrt()


def mean_over_ranks(value: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The mean over all ranks, so that the global batch has one scale."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
