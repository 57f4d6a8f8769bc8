"""A fixed grid instead of a learned codebook."""

import math
from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Le, MinLen
from jaxtyping import Float, Int
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ

from vaelab.codebook.quantization import Quantization
from vaelab.nn.full_precision import full_precision


class FiniteScalar(nn.Module):
    """Each feature is bounded and rounded to one of L_d levels: prod_d L_d codes without parameters.

    Mentzer et al. 2024, arXiv:2309.15505, eq. 1; values lie in [-1, 1].

    Args:
        levels: L_d, the number of levels of each feature.
    """

    num_quantizers = 1

    def __init__(self, levels: Annotated[Sequence[Annotated[int, Ge(3), Le(2**20)]], MinLen(1)]) -> None:
        super().__init__()
        self.dim = len(levels)
        self.num_codes = math.prod(levels)
        self.grid = FSQ(list(levels))

    def forward(self, features: Float[Tensor, "B N E"]) -> Quantization:
        vectors, codes = self.grid(full_precision(features))
        return Quantization(vectors, codes.long().unsqueeze(-1), {})

    def lookup(self, codes: Int[Tensor, "B N 1"]) -> Float[Tensor, "B N E"]:
        """The grid points of the codes."""
        points: Tensor = self.grid.indices_to_codes(codes.squeeze(-1))
        return points

    def initialize(self, features: Float[Tensor, "B N E"]) -> None:
        """Does nothing: the grid is fixed."""
