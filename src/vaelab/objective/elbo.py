"""The evidence lower bound, with the rate weighted by beta."""

from vaelab.kl.control import KLControl
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import NonNegativeFloat, PositiveInt
from vaelab.terms import Loss, Terms


class ELBO:
    """-E_q[log p(x|z)] + beta KL(q(z|x) || p(z)), nats per example.

    Kingma & Welling 2014, arXiv:1312.6114, eq. 3; beta: Higgins et al. 2017 (ICLR, beta-VAE), eq. 4. At beta = 0
    there is no rate, and no KL control is supported.

    Args:
        beta: weight of the rate.
        num_samples: S, latents drawn per example.
    """

    def __init__(self, beta: NonNegativeFloat = 1.0, num_samples: PositiveInt = 1) -> None:
        self.beta = beta
        self.num_samples = num_samples
        self.supported_controls = frozenset({"weight", "free_nats", "capacity"} if beta else ())

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        return add_penalties(-terms.log_px.mean() + self.beta * control(terms.kl), terms)
