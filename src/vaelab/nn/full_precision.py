"""Densities are computed in float32 or float64, also where networks use a lower precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """x in float32, or unchanged if it is float64, as under trainer.precision=64-true."""
    return x if x.dtype == torch.float64 else x.float()


@contextmanager
def in_float32() -> Iterator[None]:
    """Inside, the default dtype is float32, so that evaluation networks are the same under every trainer.precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
