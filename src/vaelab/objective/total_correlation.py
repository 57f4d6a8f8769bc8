"""The rate in three weighted parts: beta-TC-VAE."""

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.distributed.sharding import is_rank_zero
from vaelab.distribution.operations import factorises
from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.metric.decomposition import aggregate_log_prob
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import NonNegativeFloat, PositiveInt
from vaelab.terms import Loss, Terms

if TYPE_CHECKING:
    from vaelab.data.module import DataModule
    from vaelab.data.plain_loader import LoaderData

log = logging.getLogger(__name__)


class TotalCorrelation:
    """-E_q[log p(x|z)] + alpha I(x; z) + beta TC(z) + gamma sum_d KL(q(z_d) || p(z_d)), nats per example.

    I = E log q(z|x) / q(z), TC = E log q(z) / prod_d q(z_d), with q(z) = 1/N sum_n q(z|x_n) estimated from the batch;
    at alpha = beta = gamma = 1 it is the ELBO          (Chen et al. 2018, arXiv:1802.04942, eq. 4)

    The estimators are `mws`, minibatch weighted sampling, with which the paper's betas were chosen, and `mss`,
    minibatch stratified sampling. The same beta has different effects under the two. Both are biased, because
    training has no posteriors of all N examples; evaluation=decomposition computes them for a trained model.

    N is the number of training examples, or the batch size before `initialize_from`. Each rank estimates q(z) from its
    own batch.

    Args:
        alpha: weight of the mutual information.
        beta: weight of the total correlation.
        gamma: weight of the KL of each dimension.
        estimator: of q(z).
        num_samples: S, latents drawn per example.
    """

    supported_controls = frozenset({"weight"})

    def __init__(
        self,
        alpha: NonNegativeFloat,
        beta: NonNegativeFloat,
        gamma: NonNegativeFloat,
        estimator: Literal["mws", "mss"],
        num_samples: PositiveInt = 1,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.estimator = estimator
        self.num_samples = num_samples
        self.num_examples = 0

    def initialize_from(self, data: "DataModule | LoaderData") -> None:
        """Set N, and log once that the reported parts are estimates."""
        self.num_examples = len(data.split("train"))
        if is_rank_zero():
            log.info(
                "train/total_correlation and the parts beside it are estimates from one batch (objective.estimator=%s) "
                "and may be negative; evaluation=decomposition measures them over all examples",
                self.estimator,
            )

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        log_prob = pairwise_log_prob(terms)
        log_weight = ESTIMATORS[self.estimator](log_prob.shape[1], self.num_examples, log_prob.device)
        log_qz, log_marginals = aggregate_log_prob(log_prob, log_weight)
        parts = {
            "mutual_information": (terms.log_qz - log_qz).mean(),
            "total_correlation": (log_qz - log_marginals).mean(),
            "dimension_kl": (log_marginals - terms.log_pz).mean(),
        }
        weights = (self.alpha, self.beta, self.gamma)
        rate = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
        return add_penalties(-terms.log_px.mean() + control.weight * rate, terms, parts)


def pairwise_log_prob(terms: Terms) -> Float[Tensor, "S B B D"]:
    """log q(z_d|x_j), for each sample of each x_i, under the posterior of each x_j."""
    posterior = terms.posterior
    if not factorises(posterior) or len(terms.latents) != 1:
        raise UserError(
            "the total correlation needs one latent whose posterior factorises over its dimensions, but "
            f"{type(posterior).__name__} does not; set posterior=diagonal_gaussian"
        )
    return posterior.base_dist.log_prob(terms.latents[0].unsqueeze(2))


def uniform_log_weight(batch_size: int, num_examples: int, device: torch.device) -> Float[Tensor, "B B"]:
    """log of the weight 1/B of every q(z|x_j) in the batch; rows sum to one.

    Chen et al. 2018 (arXiv:1802.04942, eq. 5) have 1/(NB), an estimate of q(z)/N: log q(z) and each of the D log q(z_d)
    get another log N, a constant without gradient. Without it, the reported parts are closer to the quantities
    that they estimate.
    """
    return torch.full((batch_size, batch_size), -math.log(batch_size), device=device)


def stratified_log_weight(batch_size: int, num_examples: int, device: torch.device) -> Float[Tensor, "B B"]:
    """log of the weight of q(z|x_j) in the estimate of q(z) for a z drawn from q(z|x_i); its rows sum to one.

    1/N where i = j, and (N-1)/N shared equally by the B-1 others. Chen et al. 2018 (arXiv:1802.04942,
    appendix C.2) give 1/M to M-1 of their M = B-1 others and (N-M)/(NM) to the last; this is the mean over the
    choice of the last one, which has the same expectation and less noise, and is exact if the batch is the whole data
    set.
    """
    if batch_size == 1:
        return torch.zeros(1, 1, device=device)  # the only example represents all of them
    num_examples = max(num_examples, batch_size)
    others = (num_examples - 1) / (num_examples * (batch_size - 1))
    weight = torch.full((batch_size, batch_size), math.log(others), device=device)
    return weight.fill_diagonal_(-math.log(num_examples))


LogWeight = Callable[[int, int, torch.device], Tensor]
ESTIMATORS: dict[str, LogWeight] = {"mws": uniform_log_weight, "mss": stratified_log_weight}
