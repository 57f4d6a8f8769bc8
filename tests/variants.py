"""The variants in conf/model, and their overrides."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

FOLDER = Path(__file__).parents[1] / "conf" / "model"
NAMES = sorted(file.stem for file in FOLDER.glob("[!_]*.yaml"))


def defaults(name: str) -> list[Any]:
    """The base of a model's yaml, and what it overrides."""
    return OmegaConf.to_container(OmegaConf.load(FOLDER / f"{name}.yaml")).get("defaults", ["vae"])


def first_stage(name: str) -> str | None:
    """The variant on which a second stage is tested; None for all others."""
    if defaults(name)[0] != "_second_stage":
        return None
    return "vq_vae" if name == "code_prior" else "vae"


def choices(name: str) -> list[str]:
    """Overrides that compose a model: of a second stage with the parts of its first."""
    first = first_stage(name)
    if first is None:
        return [f"model={name}"]
    parts = [one.items() for one in defaults(first)[1:]] if first != "vae" else []
    chosen = [f"{group.removeprefix('override /')}={choice}" for ((group, choice),) in parts]
    return [f"model={name}", "first_stage=first", *(one for one in chosen if not one.startswith("prior="))]
