"""A ladder of residual convolutions at several resolutions."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod

from jaxtyping import Float
from torch import Tensor, nn

from vaelab.errors import UserError
from vaelab.latent.hierarchy.ladder import Ladder
from vaelab.latent.hierarchy.rung import Rung
from vaelab.nn.residual import Residual, variance_preserving_init_
from vaelab.nn.resolutions import halved_resolutions
from vaelab.protocol import Posterior
from vaelab.ranges import PositiveInt, Shape, Supplied, Width

conv = partial(nn.Conv2d, kernel_size=3, padding=1)


class Stem(nn.Module):
    """x [B, C, H, W] -> the features of the lowest level; the condition is a bias of each channel."""

    def __init__(self, num_channels: int, width: int, condition_size: int, layers: nn.Module) -> None:
        super().__init__()
        self.num_features = width
        self.first = conv(num_channels, width)
        self.condition = nn.Linear(condition_size, width, bias=False) if condition_size else None
        self.layers = layers

    def forward(self, x: Float[Tensor, "B C H W"], c: Float[Tensor, "B Y"]) -> Float[Tensor, "B F h w"]:
        h = self.first(x)
        if self.condition is not None:
            h = h + self.condition(c)[:, :, None, None]
        return self.layers(h)


class Head(nn.Module):
    """The last state [N, width, H, W] -> P likelihood parameters; `c` is not used, as the top state contains it."""

    def __init__(self, shape: Sequence[int], width: int, activation: nn.Module, num_parameters: int) -> None:
        super().__init__()
        self.parameter_shape = (num_parameters, *shape)
        self.layers = nn.Sequential(activation, conv(width, num_parameters * shape[0]))

    def forward(self, state: Float[Tensor, "N W H W2"], c: Float[Tensor, "N Y"]) -> Float[Tensor, "N P C H W2"]:
        return self.layers(state).unflatten(1, self.parameter_shape[:2])


def conv_ladder(
    shape: Shape,
    num_levels: Supplied,
    num_resolutions: PositiveInt,
    channels: Width,
    latent_channels: Width,
    activation: nn.Module,
    posterior: Callable[..., Posterior],
    condition_size: Supplied,
    num_parameters: Supplied,
) -> Ladder:
    """Levels spread evenly over resolutions, each half of the next: a vector at the top, maps of latents below it.

    Child 2021, arXiv:2011.10650, without its bottlenecks.

    Args:
        shape: shape of one image, [C, H, W].
        num_levels: number of levels.
        num_resolutions: number of resolutions.
        channels: channels of every state and feature map.
        latent_channels: channels of the latents below the top.
        activation: the nonlinearity before each convolution.
        posterior: factory of q(z_1 | x), given the number of features.
        condition_size: Y, the size of the condition.
        num_parameters: P, likelihood parameters per element of x.
    """
    sizes = resolutions(shape, num_resolutions)
    resolution_indices = [level * num_resolutions // num_levels for level in range(num_levels)] + [num_resolutions - 1]
    latent_shapes = [(latent_channels, *sizes[index]) for index in resolution_indices]
    block = partial(Residual, channels, conv, activation, num_levels)

    def down(start: int, stop: int) -> nn.Sequential:
        halving = [conv(channels, channels, stride=2) for _ in range(start - stop)]
        return nn.Sequential(*halving, block())

    def up(level: int) -> nn.Module:
        above, below = resolution_indices[level : level + 2]
        return nn.Identity() if above == below else nn.Upsample(sizes[below])

    descent = [down(below, above) for above, below in pairwise(resolution_indices)][::-1]
    coarsest = (channels, *sizes[0])
    top = posterior(num_features=prod(coarsest))
    return Ladder(
        stem=Stem(shape[0], channels, condition_size, descent[0]),
        ups=descent[1:],
        posterior=top,
        top=nn.Sequential(
            variance_preserving_init_(nn.Linear(top.size + condition_size, prod(coarsest))),
            nn.Unflatten(1, coarsest),
            block(),
            up(0),
        ),
        rungs=[
            Rung(channels, channels, latent_shapes[n], conv, activation, num_levels, upsample=up(n))
            for n in range(1, num_levels)
        ],
        head=Head(shape, channels, activation, num_parameters),
    )


def resolutions(shape: Sequence[int], num_resolutions: int) -> list[tuple[int, int]]:
    """Heights and widths, from the coarsest to that of the image."""
    if len(shape) != 3:
        raise UserError(
            f"latent 'conv_ladder' needs images of shape [C, H, W], but the data have shape {list(shape)}; "
            "set latent=ladder"
        )
    if min(shape[1:]) < 2 ** (num_resolutions - 1):
        raise UserError(
            f"latent 'conv_ladder' cannot halve images of {shape[1]}x{shape[2]} {num_resolutions - 1} times; "
            "set latent.levels.num_resolutions lower"
        )
    return halved_resolutions(shape, num_resolutions - 1)[::-1]
