"""A latent structure whose decoder is the linear Gaussian, with a posterior of adjustable accuracy."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vaelab.condition.none import NoCondition
from vaelab.data.linear_gaussian import LinearGaussian
from vaelab.latent.single import Single
from vaelab.likelihood.gaussian import FixedGaussian
from vaelab.prior.standard_normal import StandardNormal


def source(num_test: int = 400) -> LinearGaussian:
    return LinearGaussian(
        num_dimensions=8, num_latents=2, noise_scale=0.5, num_train=10, num_test=num_test, source_seed=0
    )


class Flat(nn.Module):
    """Features that are x itself."""

    num_features = 8

    def forward(self, x: Float[Tensor, "B 8"], c: Float[Tensor, "B 0"]) -> Float[Tensor, "B 8"]:
        return x


class Posterior(nn.Module):
    """The exact q(z|x), which is diagonal, moved by `shift` of its scales and made `widening` times as wide."""

    size = 2

    def __init__(self, given: LinearGaussian, shift: float, widening: float) -> None:
        super().__init__()
        self.bias = given.bias
        variance = 1 / (1 + given.weight.square().sum(0) / given.noise_scale**2)
        self.map = given.weight * variance / given.noise_scale**2
        self.shift = shift * variance.sqrt()
        self.scale = widening * variance.sqrt()

    def forward(self, x: Float[Tensor, "B 8"]) -> Independent:
        return Independent(Normal((x - self.bias) @ self.map + self.shift, self.scale.expand(len(x), -1)), 1)


class Affine(nn.Module):
    """z -> W z + b, the one parameter of each element of x."""

    def __init__(self, given: LinearGaussian) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(given.weight), nn.Parameter(given.bias)

    def forward(self, z: Float[Tensor, "N 2"], c: Float[Tensor, "N 0"]) -> Float[Tensor, "N 1 8"]:
        return (z @ self.weight.T + self.bias).unsqueeze(1)


def known(given: LinearGaussian, shift: float = 0.0, widening: float = 1.0) -> Single:
    """With shift 0 and widening 1 there is nothing that this VAE could learn."""

    def always(part: nn.Module) -> Callable[..., nn.Module]:
        return lambda **sizes: part

    return Single(
        condition=NoCondition(),
        encoder=always(Flat()),
        posterior=always(Posterior(given, shift, widening)),
        prior=StandardNormal(2),
        decoder=always(Affine(given)),
        likelihood=FixedGaussian((8,), scale=given.noise_scale),
    )
