"""Log-scales that a network may drive anywhere."""

from jaxtyping import Float
from torch import Tensor


def bounded_log_scale(raw: Float[Tensor, "*shape"], bound: float = 7.0) -> Float[Tensor, "*shape"]:
    """b tanh(raw / b): close to raw where |raw| is well below b, and never beyond it.

    A clamp would stop the gradient at its edge and strand a scale there; this one always leads back.
    """
    return bound * (raw / bound).tanh()
