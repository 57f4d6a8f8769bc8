"""Data drawn from a linear Gaussian model: log p(x) is known, so the maths can be tested against it."""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal

from vaelab.data.examples import Examples
from vaelab.data.randomness import derive_seed
from vaelab.ranges import PositiveFloat, PositiveInt, Seed, Width


class LinearGaussian:
    """x = W z + b + noise_scale * e with z ~ N(0, I_K), e ~ N(0, I_D); probabilistic PCA.

    Then p(x) = N(b, W W^T + noise_scale^2 I), and the optimal VAE has an affine decoder and an affine encoder
    with the covariance (I + W^T W / noise_scale^2)^-1, diagonal because the columns of W are orthogonal.

    Tipping & Bishop 1999, doi:10.1111/1467-9868.00196.

    Args:
        num_dimensions: D, the number of elements of x.
        num_latents: K, the number of elements of z, at most D.
        noise_scale: standard deviation of the noise, > 0.
        num_train: number of training examples.
        num_test: number of test examples.
        source_seed: seed of W, b and the examples.
    """

    def __init__(
        self,
        num_dimensions: Width,
        num_latents: Width,
        noise_scale: PositiveFloat,
        num_train: PositiveInt,
        num_test: PositiveInt,
        source_seed: Seed,
    ) -> None:
        self.num_examples = {"train": num_train, "test": num_test}
        self.noise_scale = noise_scale
        self.seed = source_seed
        generator = Generator().manual_seed(derive_seed("linear_gaussian", source_seed))
        directions = torch.linalg.qr(torch.randn(num_dimensions, num_latents, generator=generator)).Q
        lengths = math.sqrt(num_dimensions) * torch.linspace(1, 0.5, num_latents)
        self.weight: Float[Tensor, "D K"] = directions * lengths
        self.bias: Float[Tensor, " D"] = torch.randn(num_dimensions, generator=generator)

    def prepare(self) -> None:
        """Does nothing: there are no files."""

    def load(self, part: str) -> Examples:
        """Float examples of `train` or `test`, without labels."""
        generator = Generator().manual_seed(derive_seed("linear_gaussian", self.seed, part))
        num_dimensions, num_latents = self.weight.shape
        z = torch.randn(self.num_examples[part], num_latents, generator=generator)
        noise = torch.randn(self.num_examples[part], num_dimensions, generator=generator)
        return Examples(z @ self.weight.T + self.bias + self.noise_scale * noise, None)

    def log_prob(self, x: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        """log p(x) in nats, in the precision of x."""
        weight, bias = self.weight.to(x), self.bias.to(x)
        covariance = weight @ weight.T + self.noise_scale**2 * torch.eye(len(bias), dtype=x.dtype, device=x.device)
        return MultivariateNormal(bias, covariance).log_prob(x)
