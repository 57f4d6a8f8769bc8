"""The LightningModule of the variants that are trained against an adversary."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vaelab.adversary.contest import Adversary
from vaelab.latent.single import Single, require_single
from vaelab.latent.structure import LatentStructure
from vaelab.model.manual_optimization import ManualOptimization
from vaelab.model.vae import VAE
from vaelab.protocol import Objective
from vaelab.ranges import Seed
from vaelab.terms import Batch, Loss


class Adversarial(VAE):
    """A latent structure and its adversary, each with an optimizer of its own.

    Both step once in each training step, on the gradients of one backward pass: see `Adversary`. So a model on
    several processes synchronises once, and the trainer counts one step. The scheduler is that of the VAE.
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
        """The loss of the VAE plus that of its adversary, in nats per example."""
        terms, own = self.adversary(self.latent(batch, self.objective.num_samples), batch, self.latent)
        loss = self.objective(terms, self.control)
        diagnostics = {name: value.mean() for name, value in terms.diagnostics.items()}
        return Loss(loss.total + own, loss.parts | diagnostics | {"discriminator": own})

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        vae, adversary = cast("list[LightningOptimizer]", self.optimizers())
        self.manual_optimization(self, loss, adversary, vae)
        return loss

    def configure_optimizers(self) -> Any:
        own = {id(parameter) for parameter in self.adversary.parameters()}
        vae = self.optimizer(each for each in self.parameters() if each.requires_grad and id(each) not in own)
        return [vae, self.adversary.optimizer(self.adversary.parameters())], [self.scheduler(vae)]
