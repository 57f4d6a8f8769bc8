"""Short names for contents."""

import hashlib

import torch
from torch import Tensor


def fingerprint(state: dict[str, Tensor], *provenance: object) -> str:
    """Sixteen hexadecimal digits that name weights or other tensors, and their provenance."""
    digest = hashlib.sha256(repr(provenance).encode())
    for name, value in state.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
