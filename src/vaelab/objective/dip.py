"""The ELBO with a covariance of the latents that is pulled to the identity: DIP-VAE."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.summed import summed
from vaelab.ranges import NonNegativeFloat, PositiveInt
from vaelab.terms import Loss, Terms


class DIP:
    """-ELBO + off_diagonal sum_{i != j} C_ij^2 + diagonal sum_i (C_ii - 1)^2, nats per example.

    DIP-VAE-I takes for C the covariance of the posterior's `means`, DIP-VAE-II that of the `aggregate`
    posterior, E_x Cov_q[z|x] + Cov_x E_q[z|x]; both over the batch that a process has, divided by its size.

    Kumar et al. 2018, arXiv:1711.00848, eq. 6 and 7.
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
        c = self.moments(terms.posterior)
        on = c.diagonal()
        parts = {"off_diagonal": c.square().sum() - on.square().sum(), "diagonal": (on - 1).square().sum()}
        penalty = self.off_diagonal * parts["off_diagonal"] + self.diagonal * parts["diagonal"]
        return summed(-terms.log_px.mean() + control(terms.kl) + penalty, terms, parts)

    def moments(self, posterior: Distribution) -> Float[Tensor, "D D"]:
        """The covariance that is pulled to the identity."""
        try:
            of_means = torch.cov(posterior.mean.T, correction=0).reshape(2 * posterior.mean.shape[1:])
            return of_means if self.covariance == "means" else of_means + covariance_of(posterior).mean(0)
        except NotImplementedError:
            raise UserError(
                f"DIP-VAE needs the mean and the covariance of the posterior, but {type(posterior).__name__} has "
                "no formula for them; set posterior=diagonal_gaussian"
            ) from None


def covariance_of(posterior: Distribution) -> Float[Tensor, "B D D"]:
    """Cov_q[z|x] for each example."""
    if hasattr(posterior, "covariance_matrix"):
        return posterior.covariance_matrix
    return posterior.variance.diag_embed()
