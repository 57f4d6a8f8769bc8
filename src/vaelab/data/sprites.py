"""White shapes on black, scaled and rotated about the centre of a small square."""

import math

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

SHAPES = ("square", "ellipse", "heart")
NUM_SCALES, NUM_ORIENTATIONS = 6, 40
RADIUS = 16  # pixels: largest distance of a sprite from the centre of its square of side 2 RADIUS + 1

Plane = Float[Tensor, "*N"]


def square(x: Plane, y: Plane) -> Bool[Tensor, "*N"]:
    """A square whose corners lie on the unit circle."""
    return torch.maximum(x.abs(), y.abs()) <= math.sqrt(0.5)


def ellipse(x: Plane, y: Plane) -> Bool[Tensor, "*N"]:
    """An ellipse half as high as wide, inside the unit circle."""
    return x.square() + (2 * y).square() <= 1


def heart(x: Plane, y: Plane) -> Bool[Tensor, "*N"]:
    """(u^2 + v^2 - 1)^3 <= u^2 v^3, shifted and scaled into the unit circle; its tip points down."""
    u, v = 1.25 * x, 1.25 * y + 0.25
    return (u.square() + v.square() - 1) ** 3 <= u.square() * v**3


def sprites() -> UInt8[Tensor, "shapes scales orientations H W"]:
    """255 where a pixel's centre is inside the shape, else 0, for all shapes, scales and orientations.

    Scales go from 0.5 to 1 and orientations, counter-clockwise, from 0 to 2 pi: the last repeats the first.
    """
    scale = torch.linspace(0.5, 1, NUM_SCALES, dtype=torch.float64)[:, None, None, None]
    angle = torch.linspace(0, 2 * math.pi, NUM_ORIENTATIONS, dtype=torch.float64)[:, None, None]
    # Not quite RADIUS, so that no pixel centre lies on an edge; rows are numbered downwards, y points up.
    axis = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64) / (RADIUS - 0.1)
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    turned_x = (x * angle.cos() + y * angle.sin()) / scale
    turned_y = (y * angle.cos() - x * angle.sin()) / scale
    inside = torch.stack([shape(turned_x, turned_y) for shape in (square, ellipse, heart)])
    return inside.to(torch.uint8) * 255
