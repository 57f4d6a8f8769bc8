"""Files as W&B artifacts."""

from pathlib import Path
from typing import Any

import wandb


def log_artifact(run: Any, path: Path, kind: str, aliases: list[str], name: str | None) -> None:
    """Add a file as the next version of an artifact, by default <kind>-<id of the run>; the file keeps its own name."""
    artifact = wandb.Artifact(name=name or f"{kind}-{run.id}", type=kind)
    artifact.add_file(str(path), name=path.name)
    run.log_artifact(artifact, aliases=aliases)
