"""Manual optimization with several optimizers."""

from typing import Protocol, runtime_checkable

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor

from vaelab.errors import UserError
from vaelab.model.clipping import clip


class ManualOptimization:
    """One backward pass and one step of each given optimizer, which the trainer counts as one step.

    Schedulers step once per epoch, as in automatic optimization. Gradients are clipped by the trainer's settings,
    which Lightning itself does not do in manual optimization.
    """

    def __init__(self) -> None:
        self.clip_val = 0.0
        self.clipped: Tensor | None = None  # whether any gradient was clipped since the last reset to None

    def disable_trainer_clipping(self, trainer: Trainer) -> None:
        """Take over the trainer's gradient clipping. Raises UserError if it accumulates gradients."""
        if trainer.accumulate_grad_batches != 1:
            raise UserError(
                f"trainer.accumulate_grad_batches={trainer.accumulate_grad_batches} does not reach a model that "
                "steps its optimizers itself; leave it at 1 and set a larger data.batch_size"
            )
        self.clip_val, trainer.gradient_clip_val = trainer.gradient_clip_val or 0.0, None

    def __call__(self, module: LightningModule, loss: Tensor, *optimizers: LightningOptimizer) -> None:
        """Step the given optimizers; the gradients of all other parameters are zeroed too."""
        module.zero_grad()
        module.manual_backward(loss)
        *others, last = optimizers
        for optimizer in others:
            self.step_uncounted(module, optimizer)
        self.clip(module, last)
        last.step()
        if module.trainer.is_last_batch:  # as in Lightning, before a checkpoint is saved
            for config in module.trainer.lr_scheduler_configs:
                module.lr_scheduler_step(config.scheduler, None)

    def step_uncounted(self, module: LightningModule, optimizer: LightningOptimizer) -> None:
        """Like `optimizer.step()`, but the trainer does not count it."""
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
