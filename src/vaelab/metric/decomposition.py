"""The rate in three parts, by the aggregate posterior."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from vaelab.distributed.sharding import all_reduce_sum, shard


class Decomposition(Metric):
    """Index-code mutual information, total correlation and dimension-wise KL, in nats.

    With q(z) = 1/M sum_m q(z|x_m) over all M examples of all processes, and one z drawn for each of them,

    mutual_information = E log q(z|x) / q(z)            at most log M for every model
    total_correlation  = E log q(z) / prod_d q(z_d)
    dimension_kl       = E log prod_d q(z_d) / p(z)

    They add up to an estimate of the rate          (Chen et al. 2018, arXiv:1802.04942, eq. 2). q(z|x) is
    N(loc, diag scale^2), kept for every example; `chunk` values of z at a time are compared with all, in float64.

    total_correlation/gaussian = (sum_d log C_dd - log det C) / 2, that of a Gaussian with the covariance C of q(z):
    it sees only linear correlation, but has no upper limit          (Locatello et al. 2019, arXiv:1811.12359)
    """

    full_state_update = False
    z: list[Tensor]
    loc: list[Tensor]
    scale: list[Tensor]
    log_pz: list[Tensor]

    def __init__(self, chunk: int = 100) -> None:
        super().__init__()
        self.chunk = chunk
        self.set_dtype(torch.float64)
        for name in ("z", "loc", "scale", "log_pz"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, z: Float[Tensor, "B D"], posterior: Normal, log_pz: Float[Tensor, " B"]) -> None:
        """Add a sample of each posterior, the posteriors, and log p(z) of the samples."""
        self.z.append(z.double())
        self.loc.append(posterior.loc.double())
        self.scale.append(posterior.scale.double())
        self.log_pz.append(log_pz.double())

    def compute(self) -> tuple[dict[str, Tensor], int]:
        """The parts, and M; each process computes a share of the M^2 densities."""
        z, loc, scale, log_pz = (dim_zero_cat(each) for each in (self.z, self.loc, self.scale, self.log_pz))
        sums = z.new_zeros(2)  # of log q(z) and of log prod_d q(z_d)
        for some in shard(z.split(self.chunk)):
            sums += torch.stack(mixture_log_prob(some, loc, scale)).sum(1)
        log_qz, log_marginals = all_reduce_sum(sums) / len(z)
        log_qz_x = Normal(loc, scale, validate_args=False).log_prob(z).sum(1).mean()
        parts = {
            "mutual_information": log_qz_x - log_qz,
            "total_correlation": log_qz - log_marginals,
            "dimension_kl": log_marginals - log_pz.mean(),
            "total_correlation/gaussian": gaussian_total_correlation(loc, scale),
        }
        return parts, len(z)


def mixture_log_prob(
    z: Float[Tensor, "S D"], loc: Float[Tensor, "N D"], scale: Float[Tensor, "N D"]
) -> tuple[Float[Tensor, " S"], Float[Tensor, " S"]]:
    """log q(z) and log prod_d q(z_d) in nats, of q(z) = 1/N sum_n N(loc_n, diag scale_n^2).

    The logarithm of a Gaussian is quadratic in z, so those of all pairs are one matrix product; in float64, since
    its terms are large where scales are small.
    """
    precision = scale.pow(-2)
    constant = -(loc.square() * precision + math.log(2 * math.pi)) / 2 - scale.log()
    coefficients = torch.stack([-precision / 2, loc * precision, constant]).permute(2, 0, 1)  # [D, 3, N]
    powers = torch.stack([z.square(), z, torch.ones_like(z)]).permute(2, 1, 0)  # [D, S, 3]
    pairs = powers @ coefficients
    log_num = math.log(len(loc))
    return pairs.sum(0).logsumexp(1) - log_num, (pairs.logsumexp(2) - log_num).sum(0)


def gaussian_total_correlation(loc: Float[Tensor, "N D"], scale: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """Total correlation in nats of a Gaussian with the covariance of 1/N sum_n N(loc_n, diag scale_n^2)."""
    covariance = loc.T.cov(correction=0).reshape(loc.shape[1], -1) + scale.square().mean(0).diag()
    return (covariance.diagonal().log().sum() - covariance.logdet()) / 2


def aggregate_log_prob(
    log_prob: Float[Tensor, "*S N D"], log_weight: Float[Tensor, "... N"]
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """log q(z) and log prod_d q(z_d) in nats, from log q(z_d|x_n) of each sample under N posteriors.

    q(z) = sum_n w_n q(z|x_n), where the weights sum to one.
    """
    log_qz = (log_weight + log_prob.sum(-1)).logsumexp(-1)
    log_marginals = (log_weight.unsqueeze(-1) + log_prob).logsumexp(-2).sum(-1)
    return log_qz, log_marginals
