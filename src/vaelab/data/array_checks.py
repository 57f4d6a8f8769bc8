"""Checks of a user's arrays."""

import torch
from jaxtyping import Int
from torch import Tensor

from vaelab.data.examples import Split
from vaelab.errors import UserError

COLOURS = (1, 3, 4)  # usual numbers of channels
MAX_CLASSES = 100_000


def with_channels(name: str, x: Tensor, channels: str) -> Tensor:
    """x as [N, C, H, W] or [N, D]. Raises UserError for other shapes, or if the channels may be last."""
    shape = list(x.shape)
    if x.dim() == 3:
        return x.unsqueeze(1)
    if x.dim() not in (2, 4) or not x.numel():
        raise UserError(f"{name} has shape {shape}; make it [N, C, H, W], [N, H, W] or [N, D]")
    if x.dim() == 2 or channels == "first":
        return x
    if channels == "last":
        return x.permute(0, 3, 1, 2).contiguous()
    if shape[3] in COLOURS and shape[1] not in COLOURS:
        raise UserError(
            f"{name} has shape {shape}, whose channels seem to be last; set data.source.channels=last, or first if "
            f"it has {shape[1]} channels"
        )
    return x


def check_values(name: str, x: Tensor) -> None:
    """Raises UserError for types other than uint8, bool and float, and for uint8 that holds only 0 and 1."""
    kind = str(x.dtype).removeprefix("torch.")
    if x.dtype == torch.uint8:
        if x.max() == 1:
            raise UserError(f"{name} is uint8, of 0 to 255, but holds only 0 and 1; save it as bool")
    elif x.is_floating_point():
        if wrong := int((~x.isfinite()).sum()):
            raise UserError(f"{name} holds {wrong} values that are not finite; replace them or remove their examples")
    elif x.dtype != torch.bool:
        raise UserError(f"{name} has type {kind}; save it as uint8 pixels of 0 to 255, as bool, or as float32")


def check_labels(name: str, y: Tensor, num: int) -> Int[Tensor, " N"]:
    """The class numbers of `num` examples, int64. Raises UserError for anything else."""
    if y.dim() == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dim() != 1 or len(y) != num:
        raise UserError(f"{name} has shape {list(y.shape)}, but x has {num} examples; make it [{num}]")
    if y.is_floating_point() or y.is_complex():
        raise UserError(f"{name} has type {str(y.dtype).removeprefix('torch.')}; save class numbers, as int64")
    y = y.long()
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= MAX_CLASSES:
        raise UserError(f"{name} holds {low} to {high}; number the classes from 0 to {MAX_CLASSES - 1} at most")
    return y


def check_same_shape(path: str, train: Split, test: Split) -> None:
    """Raises UserError if the examples of the two splits have different shapes."""
    if train.shape != test.shape:
        raise UserError(
            f"{path}: x_train has examples of shape {list(train.shape)}, but x_test of {list(test.shape)}; make them "
            "equal"
        )
