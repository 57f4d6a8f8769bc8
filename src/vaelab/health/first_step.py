"""Checks of the first training step of an untrained model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import lightning.pytorch as pl
from torch import Tensor

from vaelab.health.check_result import CheckResult, pass_or_fail
from vaelab.model.vae import VAE

FEW = 3  # parameters that the message names


@dataclass
class FirstStep(pl.Callback):
    """Callback that records the loss of each training step, and the gradients of the last backward pass.

    `gradients` says for each trainable parameter whether its gradient is finite, or None if it has none.
    """

    losses: list[float] = field(default_factory=list)
    gradients: dict[str, bool | None] = field(default_factory=dict)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        learning = {name: each for name, each in pl_module.named_parameters() if each.requires_grad}
        self.gradients = {name: is_finite(parameter.grad) for name, parameter in learning.items()}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: VAE, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert pl_module.loss is not None
        self.losses.append(float(pl_module.loss.total.detach()))

    def lines(self) -> Iterator[CheckResult]:
        """The results of the checks of loss and gradients."""
        loss = self.losses[0]
        fact = f"the loss of the first batch is {loss:.2f} nats per example"
        yield pass_or_fail("first loss", abs(loss) < float("inf"), loss, "nats", fact, "look at data and likelihood")
        yield learning_line(self.gradients)


def is_finite(gradient: Tensor | None) -> bool | None:
    """Whether all of a gradient is finite; None if there is no gradient."""
    return None if gradient is None else bool(gradient.isfinite().all())


def learning_line(gradients: Mapping[str, bool | None]) -> CheckResult:
    """The result of checking that every parameter has a finite gradient."""
    wrong = [name for name, found in gradients.items() if not found]
    share = 1 - len(wrong) / max(1, len(gradients))
    fact = f"{len(gradients) - len(wrong)} of {len(gradients)} parameters got a finite gradient"
    named = ", ".join(wrong[:FEW]) + (", …" if len(wrong) > FEW else "")
    way_out = f"not {named}: leave out parts that the loss does not reach, or choose a stabler likelihood"
    return pass_or_fail("gradients", not wrong, share, "of parameters", fact, way_out)
