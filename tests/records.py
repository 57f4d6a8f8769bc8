"""Records of larger values than a model gives, for tests of tables."""

from dataclasses import replace

import torch
from torch import Tensor

from vaelab.terms import Terms


def resized(terms: Terms, num_examples: int, **changes: Tensor | tuple[Tensor, ...] | object) -> Terms:
    """Terms of so many examples, all zero but for the changes."""
    zeros = torch.zeros(1, num_examples)
    sizes = {"log_px": zeros, "log_pz": zeros, "log_qz": zeros, "kl": zeros.T, "x": zeros.T}
    return replace(terms, **{**sizes, **changes})
