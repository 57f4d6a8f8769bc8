"""Binary pixels."""

from jaxtyping import Float
from torch import Tensor, distributions
from torch.distributions import Independent, constraints

from vaelab.distribution.joint_bernoulli import JointBernoulli
from vaelab.likelihood.likelihood import Likelihood


class Bernoulli(Likelihood):
    """p(x|z) = prod_i l_i^x_i (1 - l_i)^(1 - x_i), with logit l_i from the decoder.

    Grey x in [0, 1] are accepted too; then log_prob is minus the binary cross-entropy, which no longer
    integrates to one over x and is a pseudo-likelihood (`is_density` is False).

    Args:
        shape: shape of one example.
    """

    num_parameters = 1
    support = constraints.unit_interval
    support_text = "x in [0, 1]"

    def forward(self, parameters: Float[Tensor, "..."]) -> Independent:
        (logits,) = self.unpack(parameters)
        pixels = distributions.Bernoulli(logits=logits, validate_args=False)
        return JointBernoulli(pixels, len(self.shape), validate_args=False)

    def is_density(self, x: Float[Tensor, "B *event"]) -> bool:
        """Whether every pixel is 0 or 1."""
        return bool(((x == 0) | (x == 1)).all())
