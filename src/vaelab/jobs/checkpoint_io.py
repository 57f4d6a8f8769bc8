"""Checkpoints that a kill or a full disk cannot spoil."""

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
    """Writes under a temporary name, then renames; of `last.ckpt` the one before stays as `previous.ckpt`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        path = Path(path)
        # Pickled in memory first, since torch's own file writer turns a full disk into a crash without a cause.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            remove_leftovers(path)
            with replacement(path) as file:
                file.write(content.getbuffer())
                file.flush()  # a full disk shows here, before anything else changes
                if path.name == "last.ckpt" and path.exists():
                    keep_as(path.with_name("previous.ckpt"), path)
        except OSError as error:
            raise UserError(
                f"could not save {path}: {error.strerror}; the checkpoint before it is kept; "
                f"make room, then resume with python train.py run={path.parent.parent}"
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """What it holds, its weights by their names of today; `weights_only` or not, no code in it is run."""
        return load_checkpoint(Path(path), map_location)

    def remove_checkpoint(self, path: Any) -> None:
        """Remove one file that is a checkpoint: the path may come from a checkpoint, and so from somebody else."""
        if Path(path).suffix == ".ckpt" and not Path(path).is_dir():
            Path(path).unlink(missing_ok=True)


def keep_as(kept: Path, path: Path) -> None:
    """A second name for a file, put in place by one rename, so that at no moment a name is missing."""
    link = kept.with_name(kept.name + ".tmp")
    link.unlink(missing_ok=True)
    os.link(path, link)
    link.replace(kept)
