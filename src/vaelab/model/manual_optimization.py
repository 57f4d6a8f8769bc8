"""How a module that steps its optimizers itself does so."""

from typing import Protocol, runtime_checkable

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor

from vaelab.errors import UserError
from vaelab.model.clipping import clip


class ManualOptimization:
    """One backward pass, then a step of each of some optimizers, which the trainer counts as one.

    Learning rates follow their schedulers once per epoch, as elsewhere, and gradients are clipped as the trainer
    was asked to, which it refuses to do for such a module.
    """

    def __init__(self) -> None:
        self.clip_val = 0.0
        self.clipped: Tensor | None = None  # whether any gradients were since this was None; None where nothing clips

    def disable_trainer_clipping(self, trainer: Trainer) -> None:
        """Relieve the trainer of clipping. Raises UserError where it was asked to accumulate gradients."""
        if trainer.accumulate_grad_batches != 1:
            raise UserError(
                f"trainer.accumulate_grad_batches={trainer.accumulate_grad_batches} does not reach a model that "
                "steps its optimizers itself; leave it at 1 and set a larger data.batch_size"
            )
        self.clip_val, trainer.gradient_clip_val = trainer.gradient_clip_val or 0.0, None

    def __call__(self, module: LightningModule, loss: Tensor, *optimizers: LightningOptimizer) -> None:
        """Only the optimizers that are given step; those that are not lose their gradients too."""
        module.zero_grad()
        module.manual_backward(loss)
        *others, last = optimizers
        for optimizer in others:
            self.step_uncounted(module, optimizer)
        self.clip(module, last)
        last.step()
        if module.trainer.is_last_batch:  # where Lightning would, before anything can be saved
            for config in module.trainer.lr_scheduler_configs:
                module.lr_scheduler_step(config.scheduler, None)

    def step_uncounted(self, module: LightningModule, optimizer: LightningOptimizer) -> None:
        """What `optimizer.step()` does, but for the trainer's count of steps."""
        self.clip(module, optimizer)
        module.trainer.strategy.optimizer_step(optimizer.optimizer, lambda: None)

    def clip(self, module: LightningModule, optimizer: LightningOptimizer) -> None:
        trainer = module.trainer
        clipped = clip(optimizer.optimizer, self.clip_val, trainer.gradient_clip_algorithm, trainer.precision)
        self.clipped = clipped if self.clipped is None or clipped is None else self.clipped | clipped


@runtime_checkable
class UsesManualOptimization(Protocol):
    """A LightningModule with manual optimization."""

    manual_optimization: ManualOptimization
