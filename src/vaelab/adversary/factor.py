"""The adversary of FactorVAE, which estimates a total correlation."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from vaelab.adversary.adversary import call_frozen, discriminator_loss, mean_logits
from vaelab.latent.single import Single
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Batch, Terms


class Factor(nn.Module):
    """Adds gamma TC(z), with TC(z) = KL(q(z) || prod_d q(z_d)) = E_q(z)[log D(z) / (1 - D(z))] in nats.

    D distinguishes samples of q(z) from samples of the product of its marginals, which are samples of q(z) with each
    dimension shuffled over the batch (Kim & Mnih 2018, arXiv:1802.05983, algorithms 1
    and 2). The algorithm uses a second batch for the latter; here D compares the two halves of one batch, which are
    independent too, and the VAE learns from the whole batch.

    Args:
        latent: a structure of one latent vector.
        discriminator: factory of D, given the size of z.
        gamma: weight of the total correlation.
        optimizer: factory of the adversary's optimizer.
    """

    def __init__(
        self,
        latent: Single,
        discriminator: Callable[..., nn.Module],
        gamma: NonNegativeFloat,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
    ) -> None:
        super().__init__()
        self.discriminator = discriminator(size=latent.posterior.size)
        self.gamma = gamma
        self.optimizer = optimizer

    def forward(self, terms: Terms, batch: Batch, latent: Single) -> tuple[Terms, Float[Tensor, ""]]:
        z = terms.latents[0]  # [S, B, D]
        correlation = call_frozen(self.discriminator, z).mean(0)  # [B]
        middle = (z.shape[1] + 1) // 2
        joint, other = (half.flatten(0, 1).detach() for half in (z[:, :middle], z[:, middle:]))
        genuine, fake = self.discriminator(joint), self.discriminator(shuffle_dimensions(other))
        return replace(
            terms,
            penalties=terms.penalties | {"adversary": self.gamma * correlation},
            diagnostics=terms.diagnostics | {"density_ratio": correlation} | mean_logits(genuine, fake),
        ), discriminator_loss(genuine, fake)


def shuffle_dimensions(z: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """Permute each dimension independently: samples of the product of the marginals."""
    return z.gather(0, torch.rand_like(z).argsort(0))
