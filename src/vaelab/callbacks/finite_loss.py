"""Stop at the first loss that is not finite."""

import lightning.pytorch as pl
import torch
from torch import Tensor

from vaelab.errors import UserError
from vaelab.model.vae import VAE


class FiniteLoss(pl.Callback):
    """Raises UserError at the first non-finite loss, before a checkpoint is saved, with the step and the term.

    On the CPU every step is checked; on an accelerator the losses stay there and are fetched together every `interval`
    steps and before each save, so that no step waits for the host.
    """

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self.pending: list[tuple[int, list[str], Tensor]] = []
        self.step = 0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, batch: object, batch_idx: int) -> None:
        # Read before the optimizer steps: afterwards it is one higher, unless gradients are accumulated.
        self.step = trainer.global_step

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        assert pl_module.loss is not None
        total, parts = pl_module.loss
        named = {**parts, "loss": total}
        self.pending.append((self.step, list(named), torch.stack([v.detach().float() for v in named.values()])))
        if total.device.type == "cpu" or len(self.pending) >= self.interval:
            self.flush()

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: VAE, checkpoint: dict[str, object]) -> None:
        self.flush()
        # A finite loss can have a non-finite gradient, which only the next loss would show.
        for name, weight in pl_module.named_parameters():
            if not weight.isfinite().all():
                raise UserError(
                    f"the weights '{name}' are not finite after {trainer.global_step} steps; the checkpoints saved "
                    "before are kept; try a smaller optimizer.lr or trainer.gradient_clip_val=1"
                )

    def flush(self) -> None:
        """Raise UserError for the first pending loss with a term that is not finite."""
        pending, self.pending = self.pending, []
        for step, names, values in pending:
            for name, value in zip(names, values.tolist(), strict=True):
                if not abs(value) < float("inf"):
                    raise UserError(
                        f"the loss became {value} at step {step}: term '{name}' is not finite; the checkpoints "
                        "saved before it are kept; try a smaller optimizer.lr or trainer.gradient_clip_val=1"
                    )
