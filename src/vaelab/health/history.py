"""Counts over the steps of a training."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor


@dataclass
class History:
    """Counts over training steps. They stay on the accelerator until read, so that no step waits for them."""

    num_steps: int = 0
    num_not_finite: int | Tensor = 0
    num_clippable: int = 0
    num_clipped: int | Tensor = 0

    @torch.no_grad()
    def add(self, loss: Tensor, clipped: Tensor | None) -> None:
        """Count one step: its loss, and whether its gradients were clipped; None if clipping is off."""
        self.num_steps += 1
        self.num_not_finite = self.num_not_finite + ~loss.detach().isfinite()
        if clipped is not None:
            self.num_clippable += 1
            self.num_clipped = self.num_clipped + clipped

    def state(self) -> dict[str, int]:
        """The counts as plain numbers, for a checkpoint."""
        counts = {"num_not_finite": int(self.num_not_finite), "num_clipped": int(self.num_clipped)}
        return asdict(self) | counts
