"""What each kind of part promises; anything that keeps the promise fits."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint

from vaelab.kl.control import KLControl
from vaelab.terms import Loss, Terms


class Condition(Protocol):
    """What y becomes before it reaches the parts: [B, size], with B and device taken from `like`."""

    size: int

    def __call__(self, y: Int[Tensor, " B"] | None, like: Tensor) -> Float[Tensor, "B Y"]: ...


class Encoder(Protocol):
    """A network body for x beside its condition."""

    num_features: int

    def __call__(self, x: Float[Tensor, "B *event"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F"]: ...


class Decoder(Protocol):
    """A network body for z beside its condition: P likelihood parameters for each element of x."""

    def __call__(self, z: Float[Tensor, "N D"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P *event"]: ...


class ConditionalDistribution(Protocol):
    """q(z|x), p(z|y): what it depends on, in; the distribution of a whole latent, out."""

    def __call__(self, condition: Tensor) -> Distribution: ...


class Posterior(ConditionalDistribution, Protocol):
    """q(z|x) over latents of `size` elements, which is what the decoder has to take."""

    size: int


class Density(Protocol):
    """p(x|z): decoder parameters [*N, P, *event] in, the distribution of a whole x out."""

    num_parameters: int
    support_text: str

    @property
    def support(self) -> Constraint: ...

    def __call__(self, parameters: Tensor) -> Distribution: ...

    def accepts(self, x: Float[Tensor, "B *event"]) -> bool: ...

    def is_density(self, x: Float[Tensor, "B *event"]) -> bool: ...


class Objective(Protocol):
    """Terms -> Loss, with the controls it honours and the number of samples it wants."""

    supported_controls: frozenset[str]
    num_samples: int

    def __call__(self, terms: Terms, control: KLControl) -> Loss: ...


@runtime_checkable
class ImportanceWeighted(Protocol):
    """An objective whose bound on log p(x) is another than the ELBO: that of `samples_per_bound` weights, if above 1.

    `bound` takes the logs of `num_samples` importance weights of each example, in nats.
    """

    num_samples: int

    @property
    def samples_per_bound(self) -> int: ...

    def bound(self, log_weight: Float[Tensor, "S B"]) -> Float[Tensor, " B"]: ...
