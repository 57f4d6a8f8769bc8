"""The LightningModule whose inference network is kept from lagging behind."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
import torch.distributed as dist
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vaelab.latent.single import Single, require_single
from vaelab.latent.structure import LatentStructure
from vaelab.metric.mutual_information import MutualInformation
from vaelab.model.manual_optimization import ManualOptimization
from vaelab.model.vae import VAE
from vaelab.protocol import Objective
from vaelab.ranges import PositiveInt, Seed
from vaelab.terms import Batch, Terms


class Lagging(VAE):
    """Brings q(z|x) close to p(z|x) before each step of p(x|z), as long as that makes latents say more of x.

    While it is aggressive, a training step first makes up to `max_inner_steps` steps of encoder and posterior
    alone, the first on the batch itself and the others on batches drawn at random, until the mean loss of
    `interval` of them is no lower than that of those before; then one of all other parameters, on the
    batch. Once the mutual information I_q of the validation split has not risen over an epoch, it trains as
    a VAE does, and for good.                       (He et al. 2019, arXiv:1901.05534, algorithm 1)
    """

    aggressive: Tensor
    information: Tensor

    def __init__(
        self,
        latent: LatentStructure,
        objective: Objective,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler],
        seed: Seed,
        max_inner_steps: PositiveInt,
        interval: PositiveInt,
    ) -> None:
        super().__init__(latent, objective, optimizer, scheduler, seed)
        self.automatic_optimization = False
        self.manual_optimization = ManualOptimization()
        self.max_inner_steps = max_inner_steps
        self.interval = interval
        self.inference = inference_parameters(require_single(latent, "an inner loop"))
        self.register_buffer("aggressive", torch.tensor(True))
        self.register_buffer("information", torch.tensor(-torch.inf, dtype=torch.float64))
        self.mutual_information = MutualInformation()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        inference, generative = cast("list[LightningOptimizer]", self.optimizers())
        aggressive = bool(self.aggressive)
        if aggressive:
            self.catch_up(batch, inference)
        loss = super().training_step(batch, batch_idx)
        self.manual_optimization(self, loss, *([] if aggressive else [inference]), generative)
        return loss

    def catch_up(self, batch: Batch, inference: LightningOptimizer) -> None:
        """Steps of the inference network alone, while the loss falls."""
        before, losses = torch.inf, []
        for _ in range(self.max_inner_steps):
            loss = self.loss_of(batch).total
            gradients = torch.autograd.grad(loss, self.inference)
            for parameter, gradient in zip(self.inference, average_over_ranks(*gradients), strict=True):
                parameter.grad = gradient
            self.manual_optimization.step_uncounted(self, inference)
            losses.append(loss.detach())
            if len(losses) == self.interval:
                now = average_over_ranks(torch.stack(losses).mean())[0].item()
                if now >= before:
                    return
                before, losses = now, []
            batch = self.drawn(len(batch.x))

    def drawn(self, num: int) -> Batch:
        """Training examples at random, noise included: torch's random numbers are those of the step."""
        if self.data_module is None:
            data = self.examples
            indices = torch.randint(len(data.split("train")), (num,))
            return data.transfer_batch_to_device(data.batch("train", indices), self.device, 0)
        split = self.trainer.train_dataloader.dataset  # type: ignore[union-attr]
        drawn: Batch = self.trainer.strategy.batch_to_device(split[torch.randint(len(split), (num,))])
        return drawn

    def validation_step(self, batch: Batch, batch_idx: int) -> Terms:
        terms = super().validation_step(batch, batch_idx)
        if self.watches:
            self.mutual_information.update(terms)
        return terms

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        if self.watches:
            now = self.mutual_information.compute()
            self.mutual_information.reset()
            self.log("val/mutual_information", now)
            self.aggressive &= now > self.information
            self.information.copy_(now)

    @property
    def watches(self) -> bool:
        """Whether an evaluation is one that training looks at."""
        return self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking

    def configure_optimizers(self) -> Any:
        inference = {id(parameter) for parameter in self.inference}
        others = (each for each in self.parameters() if each.requires_grad and id(each) not in inference)
        optimizers = [self.optimizer(iter(self.inference)), self.optimizer(others)]
        return optimizers, [self.scheduler(optimizer) for optimizer in optimizers]


def inference_parameters(latent: Single) -> list[nn.Parameter]:
    """Those of q(z|x)."""
    return [p for name, p in latent.named_parameters() if name.startswith(("encoder.", "posterior."))]


def average_over_ranks(*values: Tensor) -> tuple[Tensor, ...]:
    """The mean over all processes of each value: Lightning synchronises only one backward pass of a step."""
    if dist.is_available() and dist.is_initialized():
        for value in values:
            dist.all_reduce(value)
            value /= dist.get_world_size()
    return values
