"""Are reconstructions as sharp as the images?"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vaelab.health.check_context import CheckContext
from vaelab.health.check_result import CheckResult, not_applicable, pass_or_fail
from vaelab.metric.moments import Moments
from vaelab.ranges import NonNegativeFloat, PositiveFloat

NAME = "sharpness"


@dataclass(frozen=True)
class Sharpness:
    """Mean gradient magnitude of reconstructions over that of the images.

    Args:
        low: smallest ratio that passes, >= 0.
        high: largest ratio that passes, > 0.
    """

    low: NonNegativeFloat
    high: PositiveFloat

    def __call__(self, check_context: CheckContext) -> CheckResult:
        context = check_context.evaluation
        shape = context.data.shape
        if len(shape) != 3 or min(shape[1:]) < 2:
            return not_applicable(NAME, f"x of shape {list(shape)} is not an image")
        moments = context.metric(Moments(["image", "reconstruction"]))
        for chunk in context.chunks(moments):
            x, y, _ = chunk.batch
            images = {"image": x, "reconstruction": context.latent.reconstruct(x, y)}
            moments.update({name: gradient_magnitude(each.double()).flatten() for name, each in images.items()})
        sums = moments.compute().sums
        ratio = float(sums["reconstruction"] / sums["image"])
        fact = f"reconstructions have {ratio:.0%} of the data's gradients"
        way_out = "they are blurred: train longer or set a larger latent_dim"
        if ratio > self.high:
            way_out = "that is noise: train longer or set another likelihood"
        return pass_or_fail(NAME, self.low <= ratio <= self.high, ratio, "× data's", fact, way_out)


def gradient_magnitude(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """The length of the gradient at each pixel, from differences to the next row and column."""
    down, right = x.diff(dim=-2)[..., :-1], x.diff(dim=-1)[..., :-1, :]
    return (down.square() + right.square()).sqrt()
