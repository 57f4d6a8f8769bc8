"""What is counted while a model trains, and the lines that rest on it."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.ranges import Fraction

if TYPE_CHECKING:
    from vaelab.health.check_context import CheckContext


@dataclass
class History:
    """Counts over training steps. On an accelerator they stay there until somebody asks: no step waits for them."""

    num_steps: int = 0
    num_not_finite: int | Tensor = 0
    num_clippable: int = 0
    num_clipped: int | Tensor = 0

    @torch.no_grad()
    def add(self, loss: Tensor, clipped: Tensor | None) -> None:
        """One step: its loss, and whether its gradients were clipped, None where nothing clips them."""
        self.num_steps += 1
        self.num_not_finite = self.num_not_finite + ~loss.detach().isfinite()
        if clipped is not None:
            self.num_clippable += 1
            self.num_clipped = self.num_clipped + clipped

    def state(self) -> dict[str, int]:
        """The counts as plain numbers, as a checkpoint holds them."""
        counts = {"num_not_finite": int(self.num_not_finite), "num_clipped": int(self.num_clipped)}
        return asdict(self) | counts


@dataclass(frozen=True)
class FiniteLosses:
    """Whether every training loss was a number."""

    def __call__(self, check_context: "CheckContext") -> CheckResult:
        name, history = "finite losses", check_context.history
        if not history.num_steps:
            return not_applicable(name, "nobody counted the steps of this training")
        wrong = int(history.num_not_finite)
        fact = f"{wrong} of {history.num_steps} training losses were not finite"
        return pass_or_fail(name, wrong == 0, wrong, "not finite", fact, "set a smaller optimizer.lr")


@dataclass(frozen=True)
class ClippedGradients:
    """The share of training steps whose gradients were clipped, at most `max_share`."""

    max_share: Fraction

    def __call__(self, check_context: "CheckContext") -> CheckResult:
        name, history = "clipped gradients", check_context.history
        if not history.num_clippable:
            return not_applicable(name, "no gradients were clipped: trainer.gradient_clip_val is 0")
        share = int(history.num_clipped) / history.num_clippable
        fact = f"{share:.0%} of the training steps had their gradients clipped"
        way_out = "raise trainer.gradient_clip_val or lower optimizer.lr"
        return pass_or_fail(name, share <= self.max_share, share, "of steps", fact, way_out)
