"""The evidence lower bound, with the rate weighted by beta."""

from vaelab.kl.control import KLControl
from vaelab.terms import Loss, Terms


class ELBO:
    """-E_q[log p(x|z)] + beta KL(q(z|x) || p(z)), nats per example.

    Kingma & Welling 2014, arXiv:1312.6114, eq. 3; beta: Higgins et al. 2017 (ICLR, beta-VAE), eq. 4.
    """

    honours = frozenset({"weight", "free_nats", "capacity"})

    def __init__(self, beta: float = 1.0, num_samples: int = 1) -> None:
        self.beta = beta
        self.num_samples = num_samples

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        distortion = -terms.log_px.mean()
        rate = control(terms.kl)
        total = distortion + self.beta * rate
        for penalty in terms.penalties.values():
            total = total + penalty.mean()
        parts = {"distortion": distortion, "rate": terms.kl.sum(1).mean()}
        return Loss(total, parts | {name: penalty.mean() for name, penalty in terms.penalties.items()})
