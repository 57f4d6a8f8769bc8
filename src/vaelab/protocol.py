"""The interface of each kind of part. Any class with these members fits; none needs a base class."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint

from vaelab.kl.control import KLControl
from vaelab.terms import Loss, Terms


class Condition(Protocol):
    """y -> the condition [B, size] that the parts are given, with B and device taken from `like`."""

    size: int

    def __call__(self, y: Int[Tensor, " B"] | None, like: Tensor) -> Float[Tensor, "B Y"]: ...


class Encoder(Protocol):
    """A network body: x and its condition -> features [B, F], with F = `num_features`."""

    num_features: int

    def __call__(self, x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F"]: ...


class Decoder(Protocol):
    """A network body: z and its condition -> P likelihood parameters for each element of x."""

    def __call__(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]: ...


class ConditionalDistribution(Protocol):
    """q(z|x) or p(z|y): features or condition -> the distribution of a whole latent."""

    def __call__(self, condition: Tensor) -> Distribution: ...


class Posterior(ConditionalDistribution, Protocol):
    """q(z|x) over latents of `size` elements, the input size of the decoder."""

    size: int


class Density(Protocol):
    """p(x|z): decoder parameters [*N, P, *event] -> the distribution of a whole x, with P = `num_parameters`."""

    num_parameters: int
    support_text: str

    @property
    def support(self) -> Constraint: ...

    def __call__(self, parameters: Tensor) -> Distribution: ...

    def accepts(self, x: Float[Tensor, "B *event"]) -> bool: ...

    def is_density(self, x: Float[Tensor, "B *event"]) -> bool: ...


class Objective(Protocol):
    """Terms -> Loss, with the KL controls that it supports and the number of latents that it draws per example."""

    supported_controls: frozenset[str]
    num_samples: int

    def __call__(self, terms: Terms, control: KLControl) -> Loss: ...


@runtime_checkable
class ImportanceWeightedObjective(Protocol):
    """An objective that maximises a bound on log p(x) made of importance weights.

    `bound` takes the logarithms of `num_samples` importance weights per example, in nats. With `samples_per_bound`
    = 1 the bound is the ELBO.
    """

    num_samples: int

    @property
    def samples_per_bound(self) -> int: ...

    def bound(self, log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]: ...
