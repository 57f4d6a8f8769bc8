"""Sums and samples over all ranks, or of this process if there is no process group.

The library decides between the two when a codebook is built, which here is before the process group exists.
"""

import torch
from jaxtyping import Float
from torch import Tensor, distributed
from vector_quantize_pytorch.vector_quantize_pytorch import batched_sample_vectors


def all_reduce_sum_(value: Tensor) -> None:
    """Sum over all ranks, in place."""
    if distributed.is_initialized():
        distributed.all_reduce(value)


def sample_over_ranks(vectors: Float[Tensor, "1 n E"], num: int) -> Float[Tensor, "1 num E"]:
    """`num` random vectors, the same on every rank: vector j comes from rank j modulo the number of ranks."""
    own: Tensor = batched_sample_vectors(vectors, num)
    if not distributed.is_initialized():
        return own
    gathered = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(gathered, own)
    turn = torch.arange(num, device=own.device)
    return torch.cat(gathered)[turn % len(gathered), turn].unsqueeze(0)
