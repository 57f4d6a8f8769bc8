"""Which targets a saved config may name: another person may have written it, and a target is code that is called."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from vaelab.config.locate import is_library
from vaelab.config.plugins import folders

TARGET = re.compile(r"^\s*(?:- )?_target_: *([\w.]+)", re.MULTILINE)
# Libraries of which every layer, optimizer, scheduler and flow is harmless, wherever it is defined in them.
LIBRARIES = ("torch.nn.", "torch.optim.", "zuko.")
# Arguments of other people's classes that neither write, nor connect elsewhere, nor take objects.
ARGUMENTS = {
    "lightning.pytorch.Trainer": """
        accelerator devices num_nodes strategy precision fast_dev_run max_epochs min_epochs max_steps min_steps max_time
        limit_train_batches limit_val_batches limit_test_batches overfit_batches val_check_interval
        check_val_every_n_epoch num_sanity_val_steps log_every_n_steps accumulate_grad_batches gradient_clip_val
        gradient_clip_algorithm deterministic benchmark inference_mode use_distributed_sampler detect_anomaly
        sync_batchnorm reload_dataloaders_every_n_epochs
        """,
    "lightning.pytorch.callbacks.EMAWeightAveraging": """
        device use_buffers decay update_every_n_steps update_starting_at_step update_starting_at_epoch
        """,
    "lightning.pytorch.loggers.CSVLogger": "name version flush_logs_every_n_steps",
    "vaelab.logger.weights_and_biases.WandbLogger": "project group tags name id log_model settings",
    "vaelab.logger.mlflow.MLFlowLogger": "project name id prefix",
}
# Of W&B, which also has base_url and api_key.
SETTINGS = "silent init_timeout finish_timeout finish_timeout_raises console"


def permitted(target: str, plugins: Collection[str]) -> bool:
    """Whether a saved config may name `target`: a conf/ does, a plugin holds it, or it is a layer or an optimizer.

    The conf/ folders are vaelab's own and those of plugins that are named now or installed.
    """
    if target in _named_in(folders()) or any(target.startswith(f"{plugin}.") for plugin in plugins):
        return True
    return target.startswith(LIBRARIES) and _is_part(target)


def way_out(target: str, key: str, plugins: Collection[str], remembered: Sequence[str]) -> str:
    """What a user does who trusts a target that is not permitted: name all the plugins that the run needs.

    `plugins` are named now, `remembered` are those that the saved config says it was trained with.
    """
    package = target.partition(".")[0]
    if is_library(package):
        return f"if you trust it, give {key}={target} yourself"
    missing = [one for one in remembered if one not in plugins] or [package]
    return f"if you trust it, add plugins=[{','.join([*plugins, *missing])}]"


def refused_arguments(node: Mapping[str, Any]) -> list[str]:
    """The arguments of a node that a saved config may not give to its target."""
    allowed = ARGUMENTS.get(str(node["_target_"]))
    if allowed is None:
        return []
    refused = [key for key in node if key not in allowed.split() and not key.startswith("_")]
    settings = node.get("settings")
    return refused + [f"settings.{key}" for key in settings or () if key not in SETTINGS.split()]


@cache
def _named_in(folders: tuple[Path, ...]) -> frozenset[str]:
    """Every target in the groups of conf/ folders; those of the commands, which are Hydra's, stand above."""
    files = [file for folder in folders for file in folder.glob("*/*.yaml")]
    return frozenset(name for file in files for name in TARGET.findall(file.read_text()))


def _is_part(target: str) -> bool:
    from torch.nn import Module
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    module, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(module), name, None)
    except ImportError:
        return False
    if not isinstance(found, type) or not issubclass(found, Module | Optimizer | LRScheduler):
        return False
    return f"{found.__module__}.".startswith(LIBRARIES)
