"""Start training from the weights of another run."""

from pathlib import Path

import lightning.pytorch as pl
import torch

from vaelab.errors import UserError
from vaelab.model.vae import VAE
from vaelab.storage.checkpoint import load_checkpoint


class InitialWeights(pl.Callback):
    """Loads the entries of `checkpoint` that the model inherits, before the first step; optimizers and counts are new.

    `key` is the config key that named the other run, for error messages.
    """

    def __init__(self, key: str, checkpoint: Path) -> None:
        self.key = key
        self.checkpoint = checkpoint

    def on_fit_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.ckpt_path is not None:
            return
        saved = load_checkpoint(self.checkpoint)["state_dict"]
        given = {name: value for name, value in saved.items() if pl_module.inherits(name)}
        here = {name: value for name, value in pl_module.state_dict().items() if pl_module.inherits(name)}
        for name in [*here, *given]:
            there, wanted = (state[name].shape if name in state else None for state in (given, here))
            if there != wanted:
                raise UserError(
                    f"{self.key}: {self.checkpoint} has other weights than this model: {name} is "
                    f"{_describe_shape(there)} there and {_describe_shape(wanted)} here; choose the parts that the run "
                    "was trained with"
                )
        pl_module.load_state_dict(given, strict=False)


def _describe_shape(shape: torch.Size | None) -> str:
    return "absent" if shape is None else str(list(shape))
