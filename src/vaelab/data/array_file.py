"""Files of arrays, read as data: nothing in them is ever executed."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelab.errors import UserError

WANTED = ("x", "y", "x_train", "y_train", "x_test", "y_test")
# Exceptions of the readers for damaged files.
READABLE = (ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, pickle.UnpicklingError)


def read_arrays(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name: x, or x_train and x_test, and their labels.

    Raises:
        UserError: the file is missing, cannot be read, or holds other arrays.
    """
    readers = {".npz": read_npz, ".npy": read_npy, ".pt": read_pt}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"data.source.path={path} must be an .npz, .npy or .pt file; save x and y by numpy.savez")
    if not path.is_file():
        raise UserError(
            f"{path} {'is a folder' if path.is_dir() else 'does not exist'}; set data.source.path to a file"
        )
    try:
        arrays = reader(path)
    except UserError:
        raise
    except READABLE as error:
        raise UserError(f"{path} cannot be read: {explain_damage(error)}") from None
    return pick(path, arrays)


def explain_damage(error: Exception) -> str:
    """Why a file cannot be read, and the way out: unpickling objects would run code."""
    text = str(error)
    if isinstance(error, pickle.UnpicklingError) or "allow_pickle" in text:
        return (
            "it is damaged or holds Python objects, which could run code; save plain arrays by "
            "numpy.savez(path, x=x, y=y)"
        )
    return f"{next(iter(text.splitlines()), type(error).__name__)}; save it again by numpy.savez(path, x=x, y=y)"


def read_npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name in WANTED} or dict.fromkeys(file.files)


def read_npy(path: Path) -> dict[str, Any]:
    return {"x": np.load(path, allow_pickle=False)}


def read_pt(path: Path) -> dict[str, Any]:
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(saved, Mapping):
        return dict(saved)
    pair = list(saved) if isinstance(saved, tuple | list) else [saved]
    if len(pair) > 2 or not all(isinstance(one, Tensor) for one in pair):
        raise UserError(f"{path} must hold a tensor x, a pair (x, y) or a dict; it holds a {type(saved).__name__}")
    return dict(zip(("x", "y"), pair, strict=False))


def pick(path: Path, arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """The arrays of the data set. Raises UserError if one is missing or they contradict each other."""
    there = {name for name in WANTED if name in arrays}
    listed = ", ".join(map(str, arrays)) or "nothing"
    if "x" in there and there & {"x_train", "x_test"}:
        raise UserError(f"{path} has x beside x_train or x_test; keep x, or the two splits")
    for name in ("x",) if not there & {"x_train", "x_test", "y_train", "y_test"} else ("x_train", "x_test"):
        if name not in there:
            raise UserError(f"{path} has no array {name} (it has {listed}); save it by numpy.savez(path, {name}=…)")
    if ("y_train" in there) != ("y_test" in there):
        raise UserError(f"{path} has only one of y_train and y_test; give both or none")
    return {name: as_tensor(f"{path}: {name}", arrays[name]) for name in there}


def as_tensor(name: str, array: Any) -> Tensor:
    """A numpy array or tensor as a tensor of the same type. Raises UserError for types that torch lacks."""
    if isinstance(array, Tensor):
        return array.detach()
    try:
        return torch.from_numpy(np.ascontiguousarray(array))
    except (TypeError, ValueError):
        kind = getattr(array, "dtype", type(array).__name__)
        raise UserError(f"{name} has type {kind}; save numbers, as uint8 pixels or float32") from None
