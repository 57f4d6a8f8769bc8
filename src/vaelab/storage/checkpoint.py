"""Reads and verifies checkpoint files."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vaelab.errors import UserError

# Earlier names of the networks of a ladder's rung.
RENAMED = {
    "expect": "prior_net",
    "see": "bottom_up_proj",
    "ask": "top_down_proj",
    "judge": "posterior_net",
    "take": "z_proj",
    "leave": "upsample",
}
RUNG = re.compile(rf"(\.rungs\.\d+\.)({'|'.join(RENAMED)})(?=\.)")


def load_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """The content of a checkpoint, with earlier names of weights replaced; code in it is not run.

    `map_location="meta"` reads everything but the values of tensors.
    """
    import torch  # composing a config must not wait for it

    saved: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
    weights = saved["state_dict"].items()
    saved["state_dict"] = {RUNG.sub(lambda found: found[1] + RENAMED[found[2]], name): value for name, value in weights}
    return saved


def check_undamaged(path: Path, way_out: str) -> None:
    """Raises UserError if a file cannot be read as a checkpoint of a run."""
    if damage := damage_of(path):
        raise UserError(f"{path} is damaged ({damage}); {way_out}")


def damage_of(path: Path) -> str | None:
    """Why a file cannot be read as a checkpoint of a run, or None."""
    import torch  # composing a config must not wait for it

    try:
        with zipfile.ZipFile(path) as archive:
            if changed := archive.testzip():  # torch ignores the checksums
                return f"{changed} was altered"
        saved = torch.load(path, map_location="meta", weights_only=True)
    except Exception as error:  # damaged files make readers raise anything
        return next(iter(str(error).splitlines()), type(error).__name__)[:100]
    if not isinstance(saved, dict):
        return f"it holds a {type(saved).__name__}"
    if missing := [key for key in IN_CHECKPOINT if not isinstance(saved.get(key), IN_CHECKPOINT[key])]:
        return f"it is not a checkpoint of a run: it lacks {missing[0]}"
    if not all(isinstance(value, torch.Tensor) for value in saved["state_dict"].values()):
        return "its weights are not tensors"
    if not all(_is_stored(value) for value in _tensors(saved)):
        return "it has tensors that are larger than what is stored of them"
    if not saved["loops"].keys() >= LOOPS:
        return "it is not a checkpoint of a run: its loops are missing"
    return None


def _tensors(value: Any) -> Iterator[Any]:
    """Every tensor in nested dicts and lists."""
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)
    elif hasattr(value, "untyped_storage"):
        yield value


def _is_stored(tensor: Any) -> bool:
    """Whether the file holds every element of a tensor, so that it takes no more memory than the file."""
    return bool(tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes())


# The entries that every command reads, with their types.
IN_CHECKPOINT = {
    "state_dict": dict,
    "global_step": int,
    "epoch": int,
    "loops": dict,
    "callbacks": dict,
    "pytorch-lightning_version": str,
}
LOOPS = {"fit_loop", "validate_loop", "test_loop"}


def has_best(checkpoint: Path) -> bool:
    """Whether training had chosen a best checkpoint when it saved this one."""
    states = load_checkpoint(checkpoint, "meta")["callbacks"]
    return any(state.get("best_model_path") for state in states.values() if isinstance(state, dict))
