"""What a codebook is given and what it gives back."""

from typing import NamedTuple, Protocol

from jaxtyping import Float, Int
from torch import Tensor


class Quantization(NamedTuple):
    """N positions of E features each, replaced by their codes.

    `vectors` hold the codes' values and hand their gradient straight through to the features (Bengio et al. 2013,
    arXiv:1308.3432). Q code numbers make up one vector, where a codebook quantizes in stages. `penalties` are
    what the features have to pay, per example.
    """

    vectors: Float[Tensor, "B N E"]
    codes: Int[Tensor, "B N Q"]
    penalties: dict[str, Float[Tensor, " B"]]


class Codebook(Protocol):
    """`num_codes` ** `num_quantizers` values for a vector of `dim` features."""

    dim: int
    num_codes: int
    num_quantizers: int

    def __call__(self, features: Float[Tensor, "B N E"]) -> Quantization: ...

    def lookup(self, codes: Int[Tensor, "B N Q"]) -> Float[Tensor, "B N E"]: ...

    def start(self, features: Float[Tensor, "B N E"]) -> None: ...
