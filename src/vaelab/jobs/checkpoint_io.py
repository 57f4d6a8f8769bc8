"""Writes checkpoints atomically, so that a kill or a full disk does not damage them."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from vaelab.errors import UserError
from vaelab.storage.atomic import remove_leftovers, replacement
from vaelab.storage.checkpoint import load_checkpoint


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes under a temporary name, then renames; the previous `last.ckpt` is kept as `previous.ckpt`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        path = Path(path)
        # Serialized in memory first: torch's file writer hides the cause if the disk is full.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            remove_leftovers(path)
            with replacement(path) as file:
                file.write(content.getbuffer())
                file.flush()  # fails here if the disk is full, before any file is replaced
                if path.name == "last.ckpt" and path.exists():
                    keep_as(path.with_name("previous.ckpt"), path)
        except OSError as error:
            raise UserError(
                f"could not save {path}: {error.strerror}; the checkpoint before it is kept; "
                f"make room, then resume with python train.py run={path.parent.parent}"
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """The content, with earlier names of weights replaced; code in it is not run, regardless of `weights_only`."""
        return load_checkpoint(Path(path), map_location)

    def remove_checkpoint(self, path: Any) -> None:
        """Remove one file that is a checkpoint: the path may come from a checkpoint of somebody else."""
        if Path(path).suffix == ".ckpt" and not Path(path).is_dir():
            Path(path).unlink(missing_ok=True)


def keep_as(kept: Path, path: Path) -> None:
    """Give a file a second name by one rename, so that neither name is ever missing."""
    link = kept.with_name(kept.name + ".tmp")
    link.unlink(missing_ok=True)
    os.link(path, link)
    link.replace(kept)
