"""Grey levels of 8-bit images."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Independent

from vaelab.distribution.discretized_logistic import DiscretizedLogisticMixture, GreyLevels
from vaelab.distribution.operations import bounded_log_scale
from vaelab.likelihood.likelihood import Likelihood
from vaelab.nn.full_precision import full_precision
from vaelab.ranges import Levels, PositiveInt, Shape


class DiscretizedLogistic(Likelihood):
    """p(x|z) = prod_i sum_k pi_ik P(logistic(m_ik, s_ik) rounds to x_i), with pi, m and s from the decoder.

    A probability of x on `num_levels` grey levels in [0, 1], so its nats compare with those of any other
    model of these levels      (Salimans et al. 2017, arXiv:1701.05517, without its coupling of colours)

    Args:
        shape: shape of one example.
        num_mixtures: K, components per pixel.
        num_levels: grey levels in [0, 1].
    """

    spread: Tensor

    def __init__(self, shape: Shape, num_mixtures: PositiveInt = 5, num_levels: Levels = 256) -> None:
        super().__init__(shape)
        self.num_parameters = 3 * num_mixtures
        self.num_mixtures = num_mixtures
        self.num_levels = num_levels
        self.support = GreyLevels(num_levels)
        self.support_text = f"x on the {num_levels} levels k/{num_levels - 1} in [0, 1]"
        # Components start at different places: equal ones would get equal gradients and stay equal.
        self.register_buffer("spread", (torch.arange(num_mixtures) + 0.5) / num_mixtures, persistent=False)

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        per_kind = full_precision(parameters).unflatten(-len(self.shape) - 1, (3, self.num_mixtures))
        logits, raw_loc, raw_log_scale = per_kind.movedim(-len(self.shape) - 1, -1).unbind(-len(self.shape) - 2)
        # Outputs near zero, which a new decoder has, give a scale near exp(-2).
        log_scale = bounded_log_scale(raw_log_scale, bound=6.0) - 2.0
        return self.join_pixels(
            DiscretizedLogisticMixture(logits, raw_loc + self.spread, log_scale, self.num_levels, validate_args=False)
        )
