"""Are reconstructions as sharp as the images?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.ranges import NonNegativeFloat, PositiveFloat

NAME = "sharpness"


class Edges(Metric):
    """Sums of gradient magnitudes of images and of their reconstructions, over all processes."""

    full_state_update = False
    of_data: Tensor
    of_means: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("of_data", "of_means"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, x: Float[Tensor, "B C H W"], mean: Float[Tensor, "B C H W"]) -> None:
        self.of_data += gradient_magnitude(x.double()).sum()
        self.of_means += gradient_magnitude(mean.double()).sum()

    def compute(self) -> float:
        return float(self.of_means / self.of_data)


@dataclass(frozen=True)
class Sharpness:
    """Mean gradient magnitude of reconstructions over that of the images, between `low` and `high`."""

    low: NonNegativeFloat
    high: PositiveFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context, edges = check_context.evaluation, check_context.evaluation.metric(Edges())
        shape = context.data.shape
        if len(shape) != 3 or min(shape[1:]) < 2:
            return not_applicable(NAME, f"x of shape {list(shape)} are no images")
        for chunk in context.chunks(edges):
            x, y, _ = chunk.batch
            edges.update(x, context.latent.reconstruct(x, y))
        ratio = edges.compute()
        fact = f"reconstructions have {ratio:.0%} of the data's gradients"
        way_out = "they are blurred: train longer or set a larger latent_dim"
        if ratio > self.high:
            way_out = "that is noise: train longer or set another likelihood"
        return pass_or_fail(NAME, self.low <= ratio <= self.high, ratio, "× data's", fact, way_out)


def gradient_magnitude(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """The length of the gradient at each pixel, from differences to the next row and the next column."""
    down, right = x.diff(dim=-2)[..., :-1], x.diff(dim=-1)[..., :-1, :]
    return (down.square() + right.square()).sqrt()
