"""Random numbers that depend only on a key."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor


def derive_seed(*key: int | str) -> int:
    """A seed in [0, 2^63) from a key; different keys give unrelated seeds."""
    parts = [part if isinstance(part, str) else int(part) for part in key]
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(*key: int | str) -> Iterator[None]:
    """Inside, torch's global generators start from `key`; outside, their state is unchanged.

    Evaluation uses `with seeded(seed, chunk_number)`, so that its numbers depend neither on the number of
    processes nor on earlier draws.
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        reseed(*key)
        yield


def reseed(*key: int | str) -> None:
    """Seed torch's global generators from `key`, on the CPU and on accelerators in use.

    torch.manual_seed takes a millisecond where CUDA is not in use: it formats its call stack for a later call.
    """
    seed = derive_seed(*key)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    elif torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def uniform(seed: int, index: Int[Tensor, " B"], size: int) -> Float[Tensor, "B size"]:
    """`size` uniform numbers in [0, 1) for each index: a pure function, the same in any batch and on any device.

    The counter index * size + column goes through the mixing function of SplitMix64
    (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
    """
    columns = torch.arange(size, device=index.device)
    bits = (index[:, None] * size + columns + 1) * _to_signed(0x9E3779B97F4A7C15) + seed
    bits = (bits ^ _shift_right(bits, 30)) * _to_signed(0xBF58476D1CE4E5B9)
    bits = (bits ^ _shift_right(bits, 27)) * _to_signed(0x94D049BB133111EB)
    bits = bits ^ _shift_right(bits, 31)
    return _shift_right(bits, 40).to(torch.float32) / 2**24


def _to_signed(word: int) -> int:
    # torch has no arithmetic on uint64, but int64 wraps around to the same bits.
    return word - 2**64 if word >= 2**63 else word


def _shift_right(bits: Tensor, places: int) -> Tensor:
    # >> on int64 repeats the sign bit, which the mask removes.
    return (bits >> places) & (2 ** (64 - places) - 1)
