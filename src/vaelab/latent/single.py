"""One latent vector per example: the structure of the plain VAE and of most of its variants."""

from collections.abc import Callable, Sequence
from typing import cast

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution

from vaelab.distribution.operations import center, has_importance_weights
from vaelab.errors import UserError
from vaelab.latent.hierarchy.temperature import temperature_per_level
from vaelab.latent.prior import PriorFactory, build_prior
from vaelab.latent.scored_latent import score_latent
from vaelab.latent.structure import LatentStructure
from vaelab.protocol import Condition, Decoder, Density, Encoder, Posterior
from vaelab.terms import Batch, Terms


class Single(LatentStructure):
    """q(z | x, y), p(z | y) and p(x | z, y) over one latent vector.

    Kingma & Welling 2014, arXiv:1312.6114; with a condition Sohn et al. 2015 (NeurIPS, structured output).
    A factory is given the sizes of the parts before it.

    Args:
        condition: y -> [B, Y].
        encoder: factory, given the condition's size.
        posterior: factory, given the number of features.
        prior: p(z | y), or a factory given `infer` and the condition's size.
        decoder: factory, given the sizes of z, condition and likelihood.
        likelihood: decoder parameters -> p(x | z, y).
    """

    is_single_vector = True

    def __init__(
        self,
        condition: Condition,
        encoder: Callable[..., Encoder],
        posterior: Callable[..., Posterior],
        prior: nn.Module | PriorFactory,
        decoder: Callable[..., Decoder],
        likelihood: Density,
    ) -> None:
        super().__init__()
        self.condition = condition
        self.encoder = encoder(condition_size=condition.size)
        self.posterior = posterior(num_features=self.encoder.num_features)
        self.prior = build_prior(prior, self, {"infer": self.infer, "condition_size": condition.size})
        self.decoder = decoder(
            latent_dim=self.posterior.size,
            condition_size=condition.size,
            num_parameters=likelihood.num_parameters,
        )
        self.likelihood = likelihood

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Distribution:
        """q(z | x, y). Only here does the encoder run."""
        return self.posterior(self.encoder(x, self.condition(y, x)))

    def score(self, batch: Batch, posterior: Distribution, num_samples: int) -> Terms:
        """Draw S latents from the posterior and score them."""
        level = score_latent(posterior, self.prior(self.condition(batch.y, batch.x)), num_samples)
        return Terms(
            log_px=self.decode(level.z, batch.y).log_prob(batch.x),
            log_pz=level.log_pz,
            log_qz=level.log_qz,
            kl=level.kl,
            latents=(level.z,),
            posterior=posterior,
            prior=level.prior,
            x=batch.x,
            is_bound=has_importance_weights(posterior),
        )

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The center of q(z | x, y): the code for downstream tasks."""
        return center(self.infer(x, y))

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        return self.decoder(z, c)

    def draw(
        self, n: int, y: Int[Tensor, " n"] | None, temperature: float | Sequence[float] = 1.0
    ) -> Float[Tensor, "n D"]:
        """n latents from p(z | y), its scale multiplied by `temperature`."""
        return self.draw_prior(n, y, *temperature_per_level(temperature, 1))


def require_single(latent: LatentStructure, who: str) -> Single:
    """The structure itself. Raises UserError, in the name of `who`, unless its latent is one vector."""
    if not latent.is_single_vector:
        raise UserError(
            f"{who} needs one latent vector for each example, but latent is {type(latent).__name__}; set latent=single"
        )
    return cast("Single", latent)
