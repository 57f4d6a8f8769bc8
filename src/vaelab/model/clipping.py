"""Gradients of bounded size."""

from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import Optimizer

from vaelab.errors import UserError


def clip(optimizer: Optimizer, value: float | None, algorithm: str | None, precision: str) -> None:
    """Clips the gradients of an optimizer's parameters to a norm, or each element to a value; None clips nothing.

    By hand: in bfloat16 Lightning refuses it to fused optimizers, as if there were a scaler. Raises UserError
    where there is one.
    """
    if not value:
        return
    if precision == "16-mixed":
        raise UserError(
            f"trainer.gradient_clip_val={value} would clip the scaled gradients of trainer.precision={precision}; "
            "set trainer.precision=bf16-mixed"
        )
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if algorithm == "value":
        clip_grad_value_(parameters, value)
    else:
        clip_grad_norm_(parameters, value)
