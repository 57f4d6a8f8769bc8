"""Arrays given in Python, as files of a run and as tensors of a model."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaelab.data.array import build_examples
from vaelab.data.array_file import as_tensor
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.jobs.sample import class_numbers
from vaelab.storage.reservation import ARRAYS


def named_arrays(given: Any, channels: str) -> dict[str, np.ndarray]:
    """x, or (x, y), as a dict.

    Raises:
        UserError: they do not form a data set.
    """
    parts = list(given) if isinstance(given, tuple) else [given]
    if len(parts) not in (1, 2):
        raise UserError(f"data=... must be x or (x, y), but {len(parts)} arrays were given")
    arrays = {name: as_numpy(part) for name, part in zip(("x", "y"), parts, strict=False) if part is not None}
    x, y = (as_tensor(f"data=(x, y): {name}", arrays[name]) if name in arrays else None for name in ("x", "y"))
    if x is None:
        raise UserError("data=... must be x or (x, y), but x is None")
    build_examples("data=(x, y): ", x, y, channels)
    return arrays


def save_arrays(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Save arrays in a run folder, so that the run can be resumed and evaluated."""
    path = folder / ARRAYS
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def as_numpy(array: Any) -> np.ndarray:
    if isinstance(array, Tensor):
        array = array.detach().cpu()
        return (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    return np.asarray(array)


def as_x(x: Any, data: DataModule, like: Tensor) -> Float[Tensor, "N *event"]:
    """Examples on the model's scale: uint8 pixels are scaled like the data, floats are unchanged.

    Raises:
        UserError: their shape is not that of the training data.
    """
    tensor = torch.as_tensor(as_numpy(x))
    shape = tuple(data.shape)
    if tensor.dim() == 3 and len(shape) == 3 and shape[0] == 1:
        tensor = tensor.unsqueeze(1)
    if tuple(tensor.shape[1:]) != shape:
        raise UserError(
            f"x has shape {list(tensor.shape)}, but the run's model takes [N, {', '.join(map(str, shape))}]"
        )
    tensor = data.pixels.rescale(tensor) if tensor.dtype in (torch.uint8, torch.bool) else tensor
    return tensor.to(device=like.device, dtype=like.dtype)


def as_y(y: Any, num: int, data: DataModule) -> Int[Tensor, " N"] | None:
    """A label for each of `num` examples: one class for all of them, or one per example, by name or number.

    Raises:
        UserError: they are not classes of the data, or their number is wrong.
    """
    if y is None:
        return None
    found = torch.tensor(class_numbers(plain_labels(y), data.classes, data.num_classes))
    if len(found) not in (1, num):
        raise UserError(f"y has {len(found)} labels, but there are {num} examples; give one for each, or one for all")
    return found.expand(num)


def plain_labels(y: Any) -> Any:
    """Classes as Python numbers and strings, from arrays or lists of NumPy or torch values."""
    if hasattr(y, "tolist"):
        return y.tolist()
    return [plain_labels(one) for one in y] if isinstance(y, list | tuple) else y
