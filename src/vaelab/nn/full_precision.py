"""Densities are computed in float32 or better, whatever the networks are."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """x in float32, and in float64 where it is that already, as under trainer.precision=64-true."""
    return x if x.dtype == torch.float64 else x.float()


@contextmanager
def in_float32() -> Iterator[None]:
    """Inside, new tensors are float32, whatever they are elsewhere: networks that judge models are all alike."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
