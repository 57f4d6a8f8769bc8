"""The adversary of the adversarial autoencoder."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from vaelab.adversary.adversary import call_frozen, discriminator_loss, generator_loss, mean_logits
from vaelab.latent.single import Single
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Batch, Terms


class Aggregate(nn.Module):
    """Matches the aggregate posterior q(z) = E_x[q(z|x)] to the prior: adds weight E_q(z)[-log D(z)].

    D distinguishes samples of the prior from those of q(z) (Makhzani et al. 2016, arXiv:1511.05644, section 2). In a
    conditional model the samples of the prior have the labels of the batch, which are no input of D.

    Args:
        latent: a structure of one latent vector.
        discriminator: factory of D, given the size of z.
        weight: weight of the penalty.
        optimizer: factory of the adversary's optimizer.
    """

    def __init__(
        self,
        latent: Single,
        discriminator: Callable[..., nn.Module],
        weight: NonNegativeFloat,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
    ) -> None:
        super().__init__()
        self.discriminator = discriminator(size=latent.posterior.size)
        self.weight = weight
        self.optimizer = optimizer

    def forward(self, terms: Terms, batch: Batch, latent: Single) -> tuple[Terms, Float[Tensor, ""]]:
        z = terms.latents[0]  # [S, B, D]
        penalty = self.weight * generator_loss(call_frozen(self.discriminator, z)).mean(0)  # [B]
        drawn = latent.draw(len(batch.x), batch.y).detach()
        genuine, fake = self.discriminator(drawn), self.discriminator(z[0].detach())
        return replace(
            terms,
            penalties=terms.penalties | {"adversary": penalty},
            diagnostics=terms.diagnostics | mean_logits(genuine, fake),
        ), discriminator_loss(genuine, fake)
