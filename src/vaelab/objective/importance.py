"""Importance-weighted bounds: IWAE, MIWAE and CIWAE, with three gradient estimators."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.metric.bounds import importance_weighted_bound
from vaelab.objective.path_gradient import doubly_reparameterize, path_log_prob
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import Fraction, PositiveInt
from vaelab.terms import Loss, Terms


class Importance:
    """Minus a bound on log p(x) from M times K samples, nats per example, with w_s = p(x, z_s) / q(z_s|x).

    (1 - c) 1/M sum_m log 1/K sum_k w_mk  +  c E_q[log w]

    IWAE: M = 1, c = 0          (Burda et al. 2016, arXiv:1509.00519, eq. 8)
    MIWAE: M > 1, which improves the signal-to-noise ratio of the encoder's gradient; CIWAE: c > 0, the share of the
    ELBO          (both Rainforth et al. 2018, arXiv:1802.04537)

    K = 1 is the ELBO. `gradient` chooses the gradient estimator of the posterior, which does not change the value:

    reparameterized          the full gradient of w.
    sticking_the_landing     without the score of q, whose mean is 0 for the ELBO, so that the noise vanishes at
                             the exact posterior; biased for K > 1          (Roeder et al. 2017, arXiv:1703.09194)
    doubly_reparameterized   without the score and unbiased for every K          (Tucker et al. 2019, arXiv:1810.04152)

    Args:
        num_samples: K, samples of each bound.
        num_bounds: M.
        elbo_share: c, in [0, 1].
        gradient: the gradient estimator.
    """

    supported_controls = frozenset({"weight"})

    def __init__(
        self,
        num_samples: PositiveInt,
        num_bounds: PositiveInt,
        elbo_share: Fraction,
        gradient: Literal["reparameterized", "sticking_the_landing", "doubly_reparameterized"],
    ) -> None:
        self.samples_per_bound = num_samples
        self.num_samples = num_samples * num_bounds
        self.elbo_share = elbo_share
        self.gradient = gradient

    def bound(self, log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]:
        """The bound of each example in nats, without any control."""
        bounds = log_weight.reshape(self.samples_per_bound, -1, log_weight.shape[1])  # [K, M, B]
        tight = importance_weighted_bound(bounds).mean(0)
        return (1 - self.elbo_share) * tight + self.elbo_share * log_weight.mean(0)

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        check_weights(terms)
        log_qz = terms.log_qz if self.gradient == "reparameterized" else path_log_prob(terms)
        log_weight = controlled_log_weight(terms, log_qz, control.weight)
        bounds = log_weight.reshape(self.samples_per_bound, -1)  # [K, M B]; samples are exchangeable
        if self.gradient == "doubly_reparameterized":
            doubly_reparameterize(terms.latents[0], bounds, self.elbo_share, control.weight)
        bound = (1 - self.elbo_share) * importance_weighted_bound(bounds).mean() + self.elbo_share * log_weight.mean()
        return add_penalties(-bound, terms)


def check_weights(terms: Terms) -> None:
    """Raises UserError if the samples have no importance weights, so that their mean is not a bound."""
    if not terms.is_bound:
        raise UserError(
            "the objective weighs samples by their density under the posterior, but while it trains those of "
            f"{type(terms.posterior).__name__} have none; choose posterior=diagonal_gaussian, or objective=elbo"
        )


def controlled_log_weight(
    terms: Terms, log_qz: Float[Tensor, "S B"], weight: Float[Tensor, ""]
) -> Float[Tensor, "S B"]:
    """log p(x|z) + weight log p(z) / q(z|x), which at weight 1 is the importance weight of each sample."""
    check_weights(terms)
    return terms.log_px + weight * (terms.log_pz - log_qz)
