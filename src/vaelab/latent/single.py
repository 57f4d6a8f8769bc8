"""One latent vector per example: the structure of the plain VAE and of most of its variants."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.distribution.center import center
from vaelab.distribution.divergence import kl_per_dimension
from vaelab.distribution.point import Point
from vaelab.distribution.scored_sample import scored_sample
from vaelab.distribution.temperature import tempered
from vaelab.errors import UserError
from vaelab.protocol import Condition, ConditionalDistribution, Decoder, Density, Encoder, Posterior
from vaelab.terms import Batch, Terms


class Single(nn.Module):
    """q(z | x, y), p(z | y) and p(x | z, y) over one latent vector.

    Kingma & Welling 2014, arXiv:1312.6114; with a condition Sohn et al. 2015 (NeurIPS, structured output).
    `encoder`, `posterior` and `decoder` are factories: the sizes that one part dictates to the next are
    filled in here. So is a prior that is made of posteriors; it gets `infer`.
    """

    def __init__(
        self,
        condition: Condition,
        encoder: Callable[..., Encoder],
        posterior: Callable[..., Posterior],
        prior: nn.Module | Callable[..., ConditionalDistribution],
        decoder: Callable[..., Decoder],
        likelihood: Density,
    ) -> None:
        super().__init__()
        self.condition = condition
        self.encoder = encoder(condition_size=condition.size)
        self.posterior = posterior(num_features=self.encoder.num_features)
        self.prior: Callable[[Tensor], Distribution] = (
            prior if isinstance(prior, nn.Module) else prior(infer=self.infer)
        )
        self.decoder = decoder(
            latent_dim=self.posterior.size,
            condition_size=condition.size,
            num_parameters=likelihood.num_parameters,
        )
        self.likelihood = likelihood

    @property
    def conditional(self) -> bool:
        """Whether samples can be asked for by label."""
        return bool(self.condition.size)

    def forward(self, batch: Batch, num_samples: int = 1) -> Terms:
        return self.score(batch, self.infer(batch.x, batch.y), num_samples)

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Distribution:
        """q(z | x, y): the only place where the encoder runs."""
        return self.posterior(self.encoder(x, self.condition(y, x)))

    def score(self, batch: Batch, posterior: Distribution, num_samples: int) -> Terms:
        """Draw S latents from a posterior that `infer` gave and score them."""
        prior = self.prior(self.condition(batch.y, batch.x))
        if posterior.event_shape != prior.event_shape:
            raise UserError(
                f"the posterior is over latents of shape {list(posterior.event_shape)}, but the prior over "
                f"{list(prior.event_shape)}; set latent_dim, which both read, and not one of them alone"
            )
        z, log_qz = scored_sample(posterior, num_samples)
        log_pz = prior.log_prob(z)
        kl = kl_per_dimension(posterior, prior)
        return Terms(
            log_px=self.decode(z, batch.y).log_prob(batch.x),
            log_pz=log_pz,
            log_qz=log_qz,
            kl=(log_qz - log_pz).mean(0).unsqueeze(1) if kl is None else kl,
            latents=(z,),
            posterior=posterior,
            prior=prior,
            x=batch.x,
            is_bound=not isinstance(posterior, Point),
        )

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The mean of q(z | x, y), or what stands for it: the code that downstream tasks use."""
        return center(self.infer(x, y))

    def decode(self, z: Float[Tensor, "*S B D"], y: Int[Tensor, " B"] | None) -> Distribution:
        """p(x | z, y) with batch shape [*S, B]."""
        c = self.condition(y, z[(0,) * (z.dim() - 2)])
        c = c.expand(*z.shape[:-1], -1).flatten(0, -2)  # of no columns where there is no condition
        parameters = self.decoder(z.flatten(0, -2), c)
        return self.likelihood(parameters.unflatten(0, z.shape[:-1]))

    def draw(self, n: int, y: Int[Tensor, " n"] | None, temperature: float = 1.0) -> Float[Tensor, "n D"]:
        """n latents from p(z | y), its scale multiplied by `temperature`."""
        device = next(self.parameters()).device
        prior = tempered(self.prior(self.condition(y, torch.empty(n, 0, device=device))), temperature)
        return prior.sample() if prior.batch_shape else prior.sample(torch.Size([n]))

    def sample(self, n: int, y: Int[Tensor, " n"] | None, temperature: float = 1.0) -> Tensor:
        """n images [n, *event]: the mean of p(x | z, y) for latents of the prior, without pixel noise."""
        return self.decode(self.draw(n, y, temperature), y).mean

    def reconstruct(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Tensor:
        """The mean of p(x | z, y) at the posterior's center, [B, *event]."""
        return self.decode(self.encode(x, y), y).mean
