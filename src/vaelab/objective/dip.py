"""The ELBO with a penalty on the covariance of the latents: DIP-VAE."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import NonNegativeFloat, PositiveInt
from vaelab.terms import Loss, Terms


class DIP:
    """-ELBO + off_diagonal sum_{i != j} C_ij^2 + diagonal sum_i (C_ii - 1)^2, nats per example.

    C is the covariance of the posterior `means` in DIP-VAE-I and that of the `aggregate` posterior,
    E_x Cov_q[z|x] + Cov_x E_q[z|x], in DIP-VAE-II; both over the batch of one process, divided by its size.

    Kumar et al. 2018, arXiv:1711.00848, eq. 6 and 7.

    Args:
        covariance: which covariance C is.
        off_diagonal: weight of the squared correlations.
        diagonal: weight of the squared deviations from 1.
        num_samples: S, latents drawn per example.
    """

    supported_controls = frozenset({"weight", "free_nats", "capacity"})

    def __init__(
        self,
        covariance: Literal["means", "aggregate"],
        off_diagonal: NonNegativeFloat,
        diagonal: NonNegativeFloat,
        num_samples: PositiveInt = 1,
    ) -> None:
        self.covariance = covariance
        self.off_diagonal = off_diagonal
        self.diagonal = diagonal
        self.num_samples = num_samples

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        c = self.penalized_covariance(terms.posterior)
        on = c.diagonal()
        parts = {"off_diagonal": c.square().sum() - on.square().sum(), "diagonal": (on - 1).square().sum()}
        penalty = self.off_diagonal * parts["off_diagonal"] + self.diagonal * parts["diagonal"]
        return add_penalties(-terms.log_px.mean() + control(terms.kl) + penalty, terms, parts)

    def penalized_covariance(self, posterior: Distribution) -> Float[Tensor, "D D"]:
        """C, the covariance that is penalised."""
        try:
            of_means = torch.cov(posterior.mean.T, correction=0).reshape(2 * posterior.mean.shape[1:])
            return of_means if self.covariance == "means" else of_means + posterior_covariance(posterior).mean(0)
        except NotImplementedError:
            raise UserError(
                f"DIP-VAE needs the mean and the covariance of the posterior, but {type(posterior).__name__} has "
                "no formula for them; set posterior=diagonal_gaussian"
            ) from None


def posterior_covariance(posterior: Distribution) -> Float[Tensor, "B D D"]:
    """Cov_q[z|x] for each example."""
    if hasattr(posterior, "covariance_matrix"):
        return posterior.covariance_matrix
    return posterior.variance.diag_embed()
