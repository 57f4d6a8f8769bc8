"""Norms of the gradients."""

from collections.abc import Iterable

import lightning.pytorch as pl
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from vaelab.model.vae import VAE

ADVERSARY = "adversary."


class GradientNorm(pl.Callback):
    """Logs the Euclidean norm of the gradient before clipping; it is computed only in the steps that are logged.

    train/gradient_norm              of all weights but the adversary's
    train/adversary_gradient_norm    of the adversary's
    """

    def on_after_backward(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if not pl_module.is_logged_step:
            return
        named = list(pl_module.named_parameters())
        norms = {
            "train/gradient_norm": norm(each for name, each in named if not name.startswith(ADVERSARY)),
            "train/adversary_gradient_norm": norm(each for name, each in named if name.startswith(ADVERSARY)),
        }
        scaler = getattr(trainer.precision_plugin, "scaler", None)  # of 16-mixed, which scales the loss
        scale = 1.0 if scaler is None else scaler.get_scale()
        pl_module.log_dict({name: value / scale for name, value in norms.items() if value is not None})


def norm(parameters: Iterable[nn.Parameter]) -> Float[Tensor, ""] | None:
    """The norm of the gradients of all parameters that have one; None if there is none."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    return get_total_norm(gradients) if gradients else None
