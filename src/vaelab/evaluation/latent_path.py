"""Annealing path from the prior or the posterior to the true posterior."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelab.distribution.one_hots import OneHots
from vaelab.distribution.point import Point
from vaelab.distribution.product import Product
from vaelab.distribution.uniform_sphere import UniformSphere
from vaelab.errors import UserError
from vaelab.latent.structure import LatentStructure
from vaelab.metric.annealed_importance import Path
from vaelab.prior.marginal import Marginal
from vaelab.terms import Batch

INSTEAD = "for a bound on log p(x) choose evaluation=[importance]"
# Why no gradient moves along the density of a prior.
OBSTACLES: dict[type[Distribution], str] = {
    OneHots: "is over categories",
    UniformSphere: "is on a sphere",
    Marginal: "has a density that is only estimated",
}


def latent_path(latent: LatentStructure, batch: Batch, start: str) -> Path:
    """The annealing path from p(z|y) or q(z|x,y) to p(z|y) p(x|z,y): log-densities of z [S, B, D] in nats.

    start=prior: p(z) p(x|z)^beta, which needs no posterior      (Wu et al. 2017, arXiv:1611.04273, section 3.1)
    start=posterior: q(z|x)^(1 - beta) (p(z) p(x|z))^beta        (section 3.1.1 there, with the encoder)

    Raises UserError if start=posterior and the posterior is a point.
    """
    prior = latent.prior(latent.condition(batch.y, batch.x))

    def log_joint(z: Tensor) -> tuple[Tensor, Tensor]:
        return prior.log_prob(z), latent.decode(z, batch.y).log_prob(batch.x)

    weight = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]], device=batch.x.device)
    if start == "prior":
        return Path(log_joint, weight[1, 1:], weight[2, 1:], lambda num: sample_latents(prior, num, len(batch.x)))
    posterior = latent.infer(batch.x, batch.y)
    if isinstance(posterior, Point):
        raise UserError(
            "evaluation.annealed_importance.start=posterior needs a density to start at, but the posterior is a "
            "point; set it to prior"
        )
    terms = lambda z: (posterior.log_prob(z), *log_joint(z))  # noqa: E731
    return Path(terms, weight[0], weight[2], lambda num: sample_latents(posterior, num, len(batch.x)))


def sample_latents(distribution: Distribution, num: int, num_examples: int) -> Tensor:
    """`num` latents [S, B, D] of each example, from one distribution per example or a shared one."""
    return distribution.sample(torch.Size([num] if distribution.batch_shape else [num, num_examples]))


def require_annealable(latent: LatentStructure) -> LatentStructure:
    """The structure, if it is a single latent vector whose prior has a gradient; else raises UserError."""
    if not latent.is_single_vector:
        raise UserError(
            f"annealing moves one latent vector for each example, but latent is {type(latent).__name__}; {INSTEAD}"
        )
    device = next(latent.parameters()).device
    label = torch.zeros(1, dtype=torch.long, device=device)
    prior = latent.prior(latent.condition(label, torch.zeros(1, 0, device=device)))
    for part in prior.parts if isinstance(prior, Product) else [prior]:
        if type(part) in OBSTACLES:
            raise UserError(
                f"annealing moves latents along the gradient of their prior, but {type(part).__name__} "
                f"{OBSTACLES[type(part)]}; {INSTEAD}"
            )
    return latent
