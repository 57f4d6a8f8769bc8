"""Kernels of latents, normalized to k(z, z) = 1."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

Kernel = Callable[[Tensor, float], Tensor]


def rbf(squared_distance: Float[Tensor, "*N"], scale: float) -> Float[Tensor, "*N"]:
    """exp(-d^2 / (2 scale^2))          (Zhao et al. 2017, arXiv:1706.02262, section 3.2)"""
    return (-squared_distance / (2 * scale**2)).exp()


def inverse_multiquadratic(squared_distance: Float[Tensor, "*N"], scale: float) -> Float[Tensor, "*N"]:
    """c / (c + d^2) with c = 2 scale^2          (Tolstikhin et al. 2018, arXiv:1711.01558, section 4)"""
    return 2 * scale**2 / (2 * scale**2 + squared_distance)


KERNELS: dict[str, Kernel] = {"rbf": rbf, "inverse_multiquadratic": inverse_multiquadratic}
