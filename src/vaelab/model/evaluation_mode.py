"""Evaluation of a model between training steps."""

from collections.abc import Iterator
from contextlib import contextmanager

import lightning.pytorch as pl
import torch


@contextmanager
def evaluation_mode_of(module: pl.LightningModule) -> Iterator[None]:
    """Inside, the module is in evaluation mode, in the trainer's precision and without gradients."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), module.trainer.precision_plugin.forward_context():
            yield
    finally:
        for part in training:
            part.training = True
