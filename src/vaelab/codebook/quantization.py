"""The interface of codebooks."""

from typing import NamedTuple, Protocol

from jaxtyping import Float, Int
from torch import Tensor


class Quantization(NamedTuple):
    """N positions of E features each, replaced by their codes.

    `vectors` are the values of the codes, with a straight-through gradient to the features (Bengio et al. 2013,
    arXiv:1308.3432). Each vector has Q codes, one for each stage of the codebook. `penalties` are added to the loss,
    one number per example.
    """

    vectors: Float[Tensor, "B N E"]
    codes: Int[Tensor, "B N Q"]
    penalties: dict[str, Float[Tensor, " B"]]


class Codebook(Protocol):
    """`num_codes` ** `num_quantizers` values for a vector of `dim` features.

    `lookup` maps codes to vectors; `initialize` sets a new codebook from features.
    """

    dim: int
    num_codes: int
    num_quantizers: int

    def __call__(self, features: Float[Tensor, "B N E"]) -> Quantization: ...

    def lookup(self, codes: Int[Tensor, "B N Q"]) -> Float[Tensor, "B N E"]: ...

    def initialize(self, features: Float[Tensor, "B N E"]) -> None: ...
