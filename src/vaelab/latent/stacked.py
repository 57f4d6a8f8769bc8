"""A latent vector whose prior is another latent structure."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from vaelab.condition.none import NoCondition
from vaelab.distribution.operations import center, has_importance_weights, rsample_and_log_prob
from vaelab.latent.label_terms import LabelTerms
from vaelab.latent.semi_supervised import SemiSupervised
from vaelab.latent.structure import LatentStructure
from vaelab.protocol import Decoder, Density, Encoder, Posterior
from vaelab.terms import Batch, Terms


class Inference(NamedTuple):
    """q(z | x), and the labels that `prior` may use."""

    posterior: Distribution
    y: Int[Tensor, " B"] | None


class Stacked(LatentStructure):
    """M1 + M2: q(z|x) p(x|z) of an autoencoder M1, and as p(z) the M2 `prior`, whose x is z.

    log p(x) >= E_q(z|x)[log p(x|z) - log q(z|x) + (M2's bound on log p(z), or on log p(z, y))]

    Kingma et al. 2014, arXiv:1406.5298, section 3.1 and 3.2. They train M1 first and M2 on its codes; here both
    learn jointly, on this bound. A code is z, from which M2 infers y and its own latent.

    Args:
        encoder: factory of M1's encoder.
        posterior: factory of q(z | x).
        decoder: factory of M1's decoder.
        likelihood: decoder parameters -> p(x | z).
        prior: M2, over z.
    """

    infers_labels = True

    def __init__(
        self,
        encoder: Callable[..., Encoder],
        posterior: Callable[..., Posterior],
        decoder: Callable[..., Decoder],
        likelihood: Density,
        prior: SemiSupervised,
    ) -> None:
        super().__init__()
        self.encoder = encoder(condition_size=0)
        self.posterior = posterior(num_features=self.encoder.num_features)
        self.decoder = decoder(
            latent_dim=self.posterior.size, condition_size=0, num_parameters=likelihood.num_parameters
        )
        self.condition, self.likelihood = NoCondition(), likelihood  # y reaches the decoder through z only
        self.prior = prior

    @property
    def conditional(self) -> bool:
        """Whether samples can be requested by label."""
        return True

    def infer(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Inference:
        return Inference(self.posterior(self.encoder(x, self.condition(None, x))), y)

    def classify(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B Y"]:
        """The logits of q(y | z) at the code of x."""
        return self.prior.classify(self.encode(x, None))

    def score(self, batch: Batch, inferred: Inference, num_samples: int) -> Terms:
        """Draw S latents z, and for each z one latent of `prior` per label."""
        z, log_qz = rsample_and_log_prob(inferred.posterior, torch.Size([num_samples]))
        shape = log_qz.shape  # [S, B]
        y = None if inferred.y is None else inferred.y.expand(shape).flatten()
        index = torch.arange(shape.numel(), device=z.device)
        above = self.prior(Batch(z.flatten(0, 1), y, index))
        log_px = self.decode(z, batch.y).log_prob(batch.x)
        log_pz = above.log_px[0].unflatten(0, shape)  # given y and the latent above
        lower = (log_px - log_qz).unsqueeze(1)
        rate = above.kl.unflatten(0, shape).mean(0)
        return LabelTerms(
            log_px=log_px,
            log_pz=log_pz + above.log_pz[0].unflatten(0, shape),
            log_qz=log_qz + above.log_qz[0].unflatten(0, shape),
            kl=torch.cat([(log_qz - log_pz).mean(0).unsqueeze(1), rate], 1),
            latents=(z, *(each[0].unflatten(0, shape) for each in above.latents)),
            posterior=inferred.posterior,
            prior=above.prior,
            x=batch.x,
            penalties={name: value.unflatten(0, shape).mean(0) for name, value in above.penalties.items()},
            is_bound=above.is_bound and has_importance_weights(inferred.posterior),
            log_joint=above.log_joint[0].unflatten(1, shape).transpose(0, 1) + lower,
        )

    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The center of q(z | x)."""
        return center(self.infer(x, None).posterior)

    def generate(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]:
        return self.decoder(z, c)

    def draw(self, n: int, y: Int[Tensor, " n"] | None, temperature: float = 1.0) -> Float[Tensor, "n D"]:
        """n latents z of `prior`, with the scale of its own latents multiplied by `temperature`."""
        return self.prior.sample(n, y, temperature)
