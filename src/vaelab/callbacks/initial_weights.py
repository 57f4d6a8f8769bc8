"""Begin with the weights of another run."""

from pathlib import Path

import lightning.pytorch as pl
import torch

from vaelab.errors import UserError
from vaelab.model.vae import VAE

CONTROL = "control."  # KL control belongs to the run that is annealed, not to its weights


class InitialWeights(pl.Callback):
    """Loads the weights of `checkpoint` before the first step; steps, schedules and optimizers begin anew."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint

    def on_fit_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if trainer.ckpt_path is not None:
            return
        saved = torch.load(self.checkpoint, map_location="cpu", weights_only=True)["state_dict"]
        given = {name: value for name, value in saved.items() if not name.startswith(CONTROL)}
        here = {name: value for name, value in pl_module.state_dict().items() if not name.startswith(CONTROL)}
        for name in [*here, *given]:
            there, wanted = (state[name].shape if name in state else None for state in (given, here))
            if there != wanted:
                raise UserError(
                    f"init_from: {self.checkpoint} has other weights than this model: {name} is {_shown(there)} there "
                    f"and {_shown(wanted)} here; choose the parts that the run was trained with"
                )
        pl_module.load_state_dict(given, strict=False)


def _shown(shape: torch.Size | None) -> str:
    return "absent" if shape is None else str(list(shape))
