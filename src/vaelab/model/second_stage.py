"""The LightningModule that trains a new prior for a trained model."""

from collections.abc import Callable, Iterator
from typing import Self

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vaelab.errors import UserError
from vaelab.latent.structure import LatentStructure
from vaelab.model.vae import VAE
from vaelab.protocol import Objective
from vaelab.ranges import Seed


class SecondStage(VAE):
    """The latent structure of the run `first_stage`, with a new prior; only the prior is trained.

    van den Oord et al. 2017, arXiv:1711.00937, section 3.3; Dai & Wipf 2019, arXiv:1903.05789. Training
    starts from the weights of that run's best checkpoint. Checkpoints of this model contain them, so that resuming
    does not need the first stage.

    Args:
        latent: the first stage's latent structure with the new prior.
        objective: the loss of the prior.
        optimizer: factory of the optimizer.
        scheduler: factory of its learning rate schedule.
        seed: seed of the noise in evaluation.
        first_stage: path of the first stage's run.
    """

    def __init__(
        self,
        latent: LatentStructure,
        objective: Objective,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler],
        seed: Seed,
        first_stage: str,
    ) -> None:
        super().__init__(latent, objective, optimizer, scheduler, seed)
        self.first_stage = first_stage
        if not isinstance(getattr(latent, "prior", None), nn.Module):
            raise UserError(
                f"the run {first_stage} has latents of type {type(latent).__name__}, whose prior is not a part "
                "that could be replaced; give a run with latent=single or latent=quantized"
            )
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(is_new(name))
        self.train()  # sets the modes as in train() below, which Lightning preserves

    def inherits(self, name: str) -> bool:
        return not is_new(name)

    def train(self, mode: bool = True) -> Self:
        """Only the prior trains; all other parts, such as codebooks, stay in evaluation mode."""
        super().train(mode)
        for name, part in self.latent.named_children():
            if name != "prior":
                part.eval()
        return self


def is_new(name: str) -> bool:
    """Whether an entry of the state dict does not come from the first stage."""
    return not name.startswith("latent.") or name.startswith("latent.prior.")
