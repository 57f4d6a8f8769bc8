"""What a codebook does with all processes together, and without a group of processes alone.

The library decides this when a codebook is built, which here is before there is a group.
"""

import torch
from jaxtyping import Float
from torch import Tensor, distributed
from vector_quantize_pytorch.vector_quantize_pytorch import batched_sample_vectors


def pooled_sum(value: Tensor) -> None:
    """Adds what the other processes hold, in place."""
    if distributed.is_initialized():
        distributed.all_reduce(value)


def pooled_samples(vectors: Float[Tensor, "1 n E"], num: int) -> Float[Tensor, "1 num E"]:
    """`num` random vectors, the same on every process: the j-th comes from process j modulo their number."""
    own: Tensor = batched_sample_vectors(vectors, num)
    if not distributed.is_initialized():
        return own
    drawn = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(drawn, own)
    turn = torch.arange(num, device=own.device)
    return torch.cat(drawn)[turn % len(drawn), turn].unsqueeze(0)
