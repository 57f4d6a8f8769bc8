"""Builds the callbacks of a config."""

from functools import partial
from typing import Any

from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from vaelab.callbacks.evaluate import Evaluate
from vaelab.callbacks.pruning import Pruning
from vaelab.callbacks.report import RunReport
from vaelab.config import build
from vaelab.config.locate import locate
from vaelab.jobs.origin import origin_of
from vaelab.storage.run import Run


def build_callbacks(config: DictConfig, run: Run) -> list[Callback]:
    """The callbacks, in the order of the config."""
    return [build(node, supplied_arguments(locate(node._target_), config, run)) for node in config.callbacks.values()]


def supplied_arguments(target: Any, config: DictConfig, run: Run) -> dict[str, Any]:
    """The arguments that the run supplies, since they depend on its folder."""
    kind = target if isinstance(target, type) else object
    if issubclass(kind, Evaluate):
        return {"cache_folder": run.unfinished, "provenance": provenance(config)}
    if issubclass(kind, Pruning):
        return {"sweep_folder": run.folder.parent}
    if issubclass(kind, RunReport):
        return {"origin": partial(origin_of, run)}
    return {"dirpath": str(run.checkpoints)} if issubclass(kind, ModelCheckpoint) else {}


def provenance(config: DictConfig) -> str:
    """The part of the config that measurements depend on, besides the weights and the measures."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return repr([plain.get(key) for key in ("model", "data", "features")])
