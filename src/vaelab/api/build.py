"""vaelab.build: a model in Python."""

from collections.abc import Sequence

import torch
from omegaconf import DictConfig, OmegaConf, open_dict

from vaelab.api.compose import compose
from vaelab.api.isolation import isolate_process
from vaelab.config import build as build_node
from vaelab.config import check
from vaelab.config.plugins import use_plugins
from vaelab.data.auto_values import AUTO, write_auto_values
from vaelab.jobs.experiment import check_optimizer
from vaelab.model.vae import VAE


def build(*overrides: str, shape: Sequence[int] | None = None, num_classes: int | None = None) -> VAE:
    """An untrained model for your own Trainer and loaders, initialized with the config's `seed`.

    It trains on batches that are `vaelab.Batch`, (x, y) or x alone, with x on the scale of the likelihood: in [0, 1]
    for the default. Config groups that do not concern the model, such as `trainer`, are ignored.

    Args:
        overrides: as on the command line.
        shape: the shape of one x, [C, H, W] or [D]; None takes that of `data=…`.
        num_classes: number of classes of y, for a conditional model. None takes that of `data=…` or, with a
            `shape`, 0.

    Returns:
        A LightningModule. `model.latent` encodes, decodes and samples without a trainer.

    Raises:
        UserError: a mistake in the overrides, or parts that do not fit each other.

    Examples:
        >>> model = build("model=vae", "latent_dim=2", shape=(1, 28, 28))
        >>> model.latent.encode(torch.zeros(5, 1, 28, 28), None).shape
        torch.Size([5, 2])
    """
    config = compose(*overrides)
    with use_plugins(list(config.plugins)), isolate_process():
        with open_dict(config):
            describe_data(config.data, shape, num_classes)
        check(config, config.choices)
        torch.manual_seed(config.seed)
        if AUTO in OmegaConf.to_container(config.data).values():  # type: ignore[union-attr]
            data = build_node(config.data)
            data.prepare_data()
            write_auto_values(config.data, data)
        model: VAE = build_node(config.model)
        check_optimizer(config, model)
        return model


def describe_data(node: DictConfig, shape: Sequence[int] | None, num_classes: int | None) -> None:
    """Write the caller's shape and number of classes into the data config."""
    if shape is not None:
        node.update({"shape": list(shape), "num_classes": 0, "classes": [], "num_validation": 1, "scale": "none"})
        node.source = {"_target_": "vaelab.data.digits.Digits"}  # a placeholder that is never loaded
        node.pop("value_range", None)
    if num_classes is not None:
        node.update({"num_classes": num_classes, "classes": []})
