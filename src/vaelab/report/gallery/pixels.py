"""Images of a model as the dots of a sheet."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from vaelab.data.module import DataModule

LARGEST = 64  # dots; larger images are averaged down to it


def dots_of(data: DataModule, x: Float[Tensor, "N C H W"]) -> UInt8[np.ndarray, "N h w C"]:
    """x of the likelihood's scale as bytes, no larger than LARGEST in height and width; what is not finite is black."""
    images = data.to_unit(x).detach().float().cpu().nan_to_num(0.0, 0.0, 0.0).clamp(0, 1)
    height, width = size_on_sheet(data.shape)
    if (height, width) != tuple(images.shape[2:]):
        images = interpolate(images, (height, width), mode="area")
    return (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def size_on_sheet(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of an image of this shape on a sheet."""
    scale = max(1.0, max(shape[1:]) / LARGEST)
    return max(1, round(shape[1] / scale)), max(1, round(shape[2] / scale))


def has_pictures(shape: tuple[int, ...]) -> bool:
    """Whether x can be drawn: one or three channels of rows and columns."""
    return len(shape) == 3 and shape[0] in (1, 3)
