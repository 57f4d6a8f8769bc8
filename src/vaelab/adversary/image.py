"""The adversary of the VAE-GAN, whose features measure the similarity of two images."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal
from torch.optim import Optimizer

from vaelab.adversary.adversary import call_frozen, discriminator_loss, generator_loss, mean_logits
from vaelab.latent.single import Single
from vaelab.nn.full_precision import full_precision
from vaelab.protocol import Encoder
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Batch, Terms


class Critic(nn.Module):
    """Features of an image and its condition, and the logit of being genuine, linear in the features."""

    def __init__(self, body: Encoder) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(body.num_features, 1)

    def forward(
        self, x: Float[Tensor, "N *event"], c: Float[Tensor, "N Y"]
    ) -> tuple[Float[Tensor, "N F"], Float[Tensor, " N"]]:
        features = self.body(x, c)
        return full_precision(features), full_precision(self.head(features).squeeze(-1))


class Image(nn.Module):
    """Replaces log p(x|z) by log N(f(x); f(x'), I), f the features of D and x' the mean of p(x|z), and adds -log D.

    D distinguishes images of the data from reconstructions and samples. With L = -log N(f(x); f(x'), I) the encoder
    minimises L + KL, the decoder gamma L - log D(x') - log D(x'') for a sample x'', and D its cross-entropy
    (Larsen et al. 2016, arXiv:1512.09300, algorithm 1). One backward pass does all three: the gradient of L is
    multiplied by gamma on its way into the decoder and divided by it on its way out into the encoder, and -log D
    is computed on detached latents, so that its gradient does not reach the encoder. In the algorithm the decoder
    minimises log(1 - D), which saturates; here it minimises -log D.

    Reported bounds remain those of the likelihood. Parameters of the likelihood itself, such as a scale, do not learn.

    Args:
        latent: a structure of one latent vector.
        body: factory of the discriminator's features, given the condition's size.
        gamma: weight of the similarity beside -log D in the decoder's loss.
        optimizer: factory of the adversary's optimizer.
    """

    def __init__(
        self,
        latent: Single,
        body: Callable[..., Encoder],
        gamma: NonNegativeFloat,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
    ) -> None:
        super().__init__()
        self.critic = Critic(body(condition_size=latent.condition.size))
        self.gamma = gamma
        self.optimizer = optimizer

    def forward(self, terms: Terms, batch: Batch, latent: Single) -> tuple[Terms, Float[Tensor, ""]]:
        c = latent.condition(batch.y, batch.x)
        z = terms.latents[0]  # [S, B, D]
        similarity = self.similarity(latent.decode(scale_gradient(z, 1 / self.gamma), batch.y).mean, batch.x, c)
        fixed = torch.stack([z[0], latent.draw(len(batch.x), batch.y)]).detach()  # [2, B, D]
        fakes = latent.decode(fixed, batch.y).mean.flatten(0, 1)
        both = c.repeat(2, 1)
        fooling = generator_loss(call_frozen(self.critic, fakes, both)[1]).unflatten(0, (2, -1)).sum(0)  # [B]
        genuine, fake = self.critic(batch.x, c)[1], self.critic(fakes.detach(), both)[1]
        return replace(
            terms,
            log_px=scale_gradient(similarity, self.gamma),
            penalties=terms.penalties | {"adversary": fooling},
            diagnostics=terms.diagnostics | mean_logits(genuine, fake),
        ), discriminator_loss(genuine, fake)

    def similarity(
        self, mean: Float[Tensor, "S B *event"], x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]
    ) -> Float[Tensor, "S B"]:
        """log N(f(x); f(mean), I), summed over the features."""
        found = call_frozen(self.critic, mean.flatten(0, 1), c.repeat(len(mean), 1))[0].unflatten(0, (len(mean), -1))
        return Normal(found, 1.0, validate_args=False).log_prob(call_frozen(self.critic, x, c)[0]).sum(-1)


def scale_gradient(value: Tensor, weight: float) -> Tensor:
    """Multiply the gradient by `weight` and leave the value unchanged."""
    return value.detach() + weight * (value - value.detach())
