"""Grey pixels in [0, 1]."""

from jaxtyping import Float
from torch import Tensor
from torch.distributions import Independent, constraints

from vaelab.distribution import continuous_bernoulli
from vaelab.likelihood.likelihood import Likelihood


class ContinuousBernoulli(Likelihood):
    """p(x|z) = prod_i C(l_i) l_i^x_i (1 - l_i)^(1 - x_i), with logit l_i from the decoder.

    The normalizer C makes it a density on [0, 1], which Bernoulli is not.
    (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845)

    Args:
        shape: shape of one example.
    """

    num_parameters = 1
    support = constraints.unit_interval
    support_text = "x in [0, 1]"

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        (logits,) = self.unpack(parameters)
        return self.join_pixels(continuous_bernoulli.ContinuousBernoulli(logits, validate_args=False))
