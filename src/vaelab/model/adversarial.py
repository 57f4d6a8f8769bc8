"""The LightningModule of variants that train with an adversary."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vaelab.adversary.adversary import Adversary
from vaelab.latent.single import Single, require_single
from vaelab.latent.structure import LatentStructure
from vaelab.model.manual_optimization import ManualOptimization
from vaelab.model.vae import VAE
from vaelab.protocol import Objective
from vaelab.ranges import Seed
from vaelab.terms import Batch, Loss


class Adversarial(VAE):
    """A latent structure and its adversary, each with its own optimizer.

    Both optimizers step once in each training step, on the gradients of one backward pass (see `Adversary`), so that
    several processes synchronise once and the trainer counts one step. The scheduler acts on the VAE's optimizer.

    Args:
        latent: a structure of one latent vector.
        objective: the loss of the VAE.
        optimizer: factory of the VAE's optimizer.
        scheduler: factory of its learning rate schedule.
        seed: seed of the noise in evaluation.
        adversary: factory, given the latent structure.
    """

    latent: Single

    def __init__(
        self,
        latent: LatentStructure,
        objective: Objective,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler],
        seed: Seed,
        adversary: Callable[..., Adversary],
    ) -> None:
        super().__init__(latent, objective, optimizer, scheduler, seed)
        self.automatic_optimization = False
        self.manual_optimization = ManualOptimization()
        self.adversary = adversary(latent=require_single(latent, "an adversary"))

    def loss_of(self, batch: Batch) -> Loss:
        """The sum of the losses of VAE and adversary, in nats per example."""
        terms, adversary_loss = self.adversary(self.latent(batch, self.objective.num_samples), batch, self.latent)
        loss = self.objective(terms, self.control)
        diagnostics = {name: value.mean() for name, value in terms.diagnostics.items()}
        return Loss(loss.total + adversary_loss, loss.parts | diagnostics | {"discriminator": adversary_loss})

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        vae, adversary = cast("list[LightningOptimizer]", self.optimizers())
        self.manual_optimization(self, loss, adversary, vae)
        return loss

    def configure_optimizers(self) -> Any:
        of_adversary = {id(parameter) for parameter in self.adversary.parameters()}
        vae = self.optimizer(each for each in self.parameters() if each.requires_grad and id(each) not in of_adversary)
        return [vae, self.adversary.optimizer(self.adversary.parameters())], [self.scheduler(vae)]
