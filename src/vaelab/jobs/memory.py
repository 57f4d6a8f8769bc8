"""Keeps freed memory in the process."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Tell glibc not to return freed tensors to the kernel, which would clear the same pages in every step.

    The default model's step has 4.5 times fewer page faults and takes three quarters of the time on two
    cores; `tests/benchmarks/training_speed.py` uses it in both of its loops.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
