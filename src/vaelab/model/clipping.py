"""Gradient clipping."""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm
from torch.optim import Optimizer

from vaelab.errors import UserError


def clip(optimizer: Optimizer, value: float | None, algorithm: str | None, precision: str) -> Bool[Tensor, ""] | None:
    """Clip the gradients of an optimizer's parameters to a norm, or each element to a value.

    Returns whether any gradient was clipped, as a tensor, so that the host need not wait for a GPU; None if `value`
    is None or 0. Lightning's own clipping rejects fused optimizers in bfloat16, although there is no gradient scaler.
    Raises UserError under 16-mixed, which has one.
    """
    if not value:
        return None
    if precision == "16-mixed":
        raise UserError(
            f"trainer.gradient_clip_val={value} would clip the scaled gradients of trainer.precision={precision}; "
            "set trainer.precision=bf16-mixed"
        )
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if algorithm != "value":
        return clip_grad_norm_(parameters, value) > value
    largest = get_total_norm([each.grad for each in parameters if each.grad is not None], norm_type=torch.inf)
    clip_grad_value_(parameters, value)
    return largest > value
