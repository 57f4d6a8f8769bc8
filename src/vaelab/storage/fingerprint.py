"""Short hashes of tensors."""

import hashlib

import torch
from torch import Tensor


def fingerprint(state: dict[str, Tensor], *provenance: object) -> str:
    """A hash of tensors and their provenance, 16 hexadecimal digits."""
    digest = hashlib.sha256(repr(provenance).encode())
    for name, value in state.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
