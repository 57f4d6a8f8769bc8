"""A prior that is a VAE of the latents."""

from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.condition.none import NoCondition
from vaelab.decoder.mlp import MLP as Decoder
from vaelab.encoder.mlp import MLP as Encoder
from vaelab.latent.single import Single
from vaelab.likelihood.gaussian import LearnedGaussian
from vaelab.posterior.diagonal_gaussian import DiagonalGaussian
from vaelab.prior.marginal import Marginal
from vaelab.prior.standard_normal import StandardNormal
from vaelab.ranges import Width, Widths


class LatentVAE(nn.Module):
    """p(z) = int N(z; f(u), s^2) N(u; 0, I) du, for every condition: the second of two stages.

    The aggregate posterior of a trained VAE differs from N(0, I) but has full dimension, so that a second VAE with
    latents of the same size can fit it (Dai & Wipf 2019, arXiv:1903.05789, section 4).

    Args:
        latent_dim: D, elements of z and of u.
        hidden: widths of the layers before the last one, of encoder and decoder.
        num_features: width of their last layer.
    """

    def __init__(self, latent_dim: Width, hidden: Widths, num_features: Width) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        network: dict[str, Any] = {
            "shape": [latent_dim],
            "hidden": hidden,
            "num_features": num_features,
            "activation": nn.ReLU(),
            "gated": False,
        }
        self.latent = Single(
            condition=NoCondition(),
            encoder=partial(Encoder, **network),
            posterior=partial(DiagonalGaussian, latent_dim=latent_dim),
            prior=StandardNormal(latent_dim),
            decoder=partial(Decoder, **network),
            likelihood=LearnedGaussian([latent_dim]),
        )

    def forward(self, condition: Float[Tensor, "B C"]) -> Marginal:
        return Marginal(self.latent, self.latent_dim)
