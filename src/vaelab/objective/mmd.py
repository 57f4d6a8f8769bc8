"""The maximum mean discrepancy of aggregate posterior and prior: InfoVAE and WAE."""

import math
from typing import Annotated, Literal

import torch
from annotated_types import Le
from jaxtyping import Float
from torch import Tensor

from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.objective.kernel import KERNELS, Kernel
from vaelab.objective.penalties import add_penalties
from vaelab.ranges import NonNegativeFloat, PositiveFloat, PositiveInt
from vaelab.terms import Loss, Terms


class MMD:
    """-E_q[log p(x|z)] + (1 - alpha) KL(q(z|x) || p(z)) + (alpha + strength - 1) MMD^2(q(z), p(z)), per example.

    InfoVAE, its `strength` the paper's lambda          (Zhao et al. 2017, arXiv:1706.02262, eq. 8). At alpha = 1 there
    is no rate and no KL control; it is the Wasserstein autoencoder with cost -log p(x|z)
    (Tolstikhin et al. 2018, arXiv:1711.01558, algorithm 2).

    The kernel's scale is sqrt(D) times `scale`, the typical length of a latent from N(0, scale^2 I).
    Each rank compares its own batch with as many samples of the prior.

    Args:
        alpha: at most 1; the rate has weight 1 - alpha.
        strength: lambda; the MMD has weight alpha + lambda - 1.
        kernel: rbf or inverse_multiquadratic.
        scale: of the kernel, for a latent of unit scale.
        num_samples: S, latents drawn per example.
    """

    def __init__(
        self,
        alpha: Annotated[float, Le(1)],
        strength: NonNegativeFloat,
        kernel: Literal["rbf", "inverse_multiquadratic"],
        scale: PositiveFloat,
        num_samples: PositiveInt = 1,
    ) -> None:
        self.alpha = alpha
        self.strength = strength
        self.kernel = KERNELS[kernel]
        self.scale = scale
        self.num_samples = num_samples
        self.supported_controls = frozenset({"weight", "free_nats", "capacity"} if alpha != 1 else ())

    def __call__(self, terms: Terms, control: KLControl) -> Loss:
        discrepancy = self.discrepancy(terms)
        rate = (1 - self.alpha) * control(terms.kl)
        total = -terms.log_px.mean() + rate + (self.alpha + self.strength - 1) * discrepancy
        return add_penalties(total, terms, {"mmd": discrepancy})

    def discrepancy(self, terms: Terms) -> Float[Tensor, ""]:
        """MMD^2 between the latents of the batch and as many samples of the prior, without gradient for the prior."""
        if len(terms.latents) != 1:
            raise UserError(f"the MMD compares one latent with its prior, but the model has {len(terms.latents)}")
        (z,) = terms.latents
        prior_z = terms.prior.sample(z.shape[: 1 if terms.prior.batch_shape else 2])
        z, prior_z = (each.flatten(2) for each in (z, prior_z))
        return squared_mmd(z, prior_z, self.kernel, self.scale * math.sqrt(z.shape[2])).mean()


def squared_mmd(
    a: Float[Tensor, "S B D"], b: Float[Tensor, "S B D"], kernel: Kernel, scale: float
) -> Float[Tensor, " S"]:
    """E k(a, a') + E k(b, b') - 2 E k(a, b), the first two over distinct pairs: unbiased, may be negative."""

    def k(left: Tensor, right: Tensor) -> Tensor:
        return kernel((left.unsqueeze(2) - right.unsqueeze(1)).square().sum(-1), scale)

    size = a.shape[1]
    others = 1 - torch.eye(size, device=a.device)
    within = ((k(a, a) + k(b, b)) * others).sum((1, 2)) / max(size * (size - 1), 1)
    return within - 2 * k(a, b).mean((1, 2))
