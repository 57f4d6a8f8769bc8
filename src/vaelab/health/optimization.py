"""Were losses finite, and how often were gradients clipped?"""

from dataclasses import dataclass

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.ranges import Fraction


@dataclass(frozen=True)
class FiniteLosses:
    """Every training loss was finite."""

    def __call__(self, check_context: CheckContext) -> CheckResult:
        name, history = "finite losses", check_context.history
        if not history.num_steps:
            return not_applicable(name, "the steps of this training were not counted")
        wrong = int(history.num_not_finite)
        fact = f"{wrong} of {history.num_steps} training losses were not finite"
        return pass_or_fail(name, wrong == 0, wrong, "not finite", fact, "set a smaller optimizer.lr")


@dataclass(frozen=True)
class ClippedGradients:
    """The share of training steps whose gradients were clipped.

    Args:
        max_share: largest share that passes, in [0, 1].
    """

    max_share: Fraction

    def __call__(self, check_context: CheckContext) -> CheckResult:
        name, history = "clipped gradients", check_context.history
        if not history.num_clippable:
            return not_applicable(name, "no gradients were clipped: trainer.gradient_clip_val is 0")
        share = int(history.num_clipped) / history.num_clippable
        fact = f"{share:.0%} of the training steps had their gradients clipped"
        way_out = "raise trainer.gradient_clip_val or lower optimizer.lr"
        return pass_or_fail(name, share <= self.max_share, share, "of steps", fact, way_out)
