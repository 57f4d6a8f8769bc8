"""How many codes of a codebook are in use."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric


def code_counts(codes: Int[Tensor, "*N Q"], num_codes: int) -> Float[Tensor, "Q K"]:
    """The count of each code, for each quantizer."""
    codes = codes.flatten(0, -2).T
    counts = torch.zeros(len(codes), num_codes, device=codes.device)
    # Not bincount, which synchronises a GPU.
    return counts.scatter_add_(1, codes, torch.ones_like(codes, dtype=counts.dtype))


def perplexity(counts: Float[Tensor, "Q K"]) -> Float[Tensor, ""]:
    """exp(-sum_k p_k log p_k), between 1 and K, as the mean over quantizers."""
    p = counts / counts.sum(1, keepdim=True)
    return torch.special.entr(p).sum(1).exp().mean()


class CodeUse(NamedTuple):
    """The perplexity of codes, the number of examples, and the share of the codes that any example has."""

    perplexity: Float[Tensor, ""]
    num: int
    share: Float[Tensor, ""]


class Perplexity(Metric):
    """Use of the codes by all examples of all processes, from counts in float64."""

    full_state_update = False
    num: Tensor
    counts: Tensor

    def __init__(self, num_quantizers: int, num_codes: int) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        self.add_state("num", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(num_quantizers, num_codes, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, codes: Int[Tensor, "B *N Q"]) -> None:
        self.num += len(codes)
        self.counts += code_counts(codes, self.counts.shape[1])

    def compute(self) -> CodeUse:
        """The perplexity and the share as means over quantizers."""
        return CodeUse(perplexity(self.counts), int(self.num), (self.counts > 0).double().mean())
