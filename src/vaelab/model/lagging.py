"""The LightningModule with additional steps of the inference network."""

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
    """Brings q(z|x) close to p(z|x) before each step of p(x|z), while that increases the mutual information.

    In the aggressive phase, a training step first makes up to `max_inner_steps` steps of encoder and posterior only,
    the first on the batch and the others on random batches, until the mean loss of `interval` steps is not below that
    of the `interval` steps before. Then it makes one step of all other parameters on the batch. The phase ends with
    the first epoch in which the mutual information I_q of the validation split did not increase; after it, training
    is that of a VAE.                       (He et al. 2019, arXiv:1901.05534, algorithm 1)

    Args:
        latent: a structure of one latent vector.
        objective: the loss.
        optimizer: factory of both optimizers.
        scheduler: factory of their learning rate schedules.
        seed: seed of the noise in evaluation.
        max_inner_steps: most steps of the inference network per training step.
        interval: steps over which its loss is averaged.
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
            self.optimize_inference(batch, inference)
        loss = super().training_step(batch, batch_idx)
        self.manual_optimization(self, loss, *([] if aggressive else [inference]), generative)
        return loss

    def optimize_inference(self, batch: Batch, inference: LightningOptimizer) -> None:
        """Step the inference network only, while the loss decreases."""
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
            batch = self.random_batch(len(batch.x))

    def random_batch(self, num: int) -> Batch:
        """Random training examples, drawn with torch's global generator as is their noise."""
        if self.data_module is None:
            data = self.examples
            indices = torch.randint(len(data.split("train")), (num,))
            return data.transfer_batch_to_device(data.batch("train", indices), self.device, 0)
        split = self.trainer.train_dataloader.dataset  # type: ignore[union-attr]
        batch: Batch = self.trainer.strategy.batch_to_device(split[torch.randint(len(split), (num,))])
        return batch

    def validation_step(self, batch: Batch, batch_idx: int) -> Terms:
        terms = super().validation_step(batch, batch_idx)
        if self.is_training_validation:
            self.mutual_information.update(terms)
        return terms

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        if self.is_training_validation:
            now = self.mutual_information.compute()
            self.mutual_information.reset()
            self.log("val/mutual_information", now)
            self.aggressive &= now > self.information
            self.information.copy_(now)

    @property
    def is_training_validation(self) -> bool:
        """Whether this is a validation during training, other than the sanity check."""
        return self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking

    def configure_optimizers(self) -> Any:
        inference = {id(parameter) for parameter in self.inference}
        others = (each for each in self.parameters() if each.requires_grad and id(each) not in inference)
        optimizers = [self.optimizer(iter(self.inference)), self.optimizer(others)]
        return optimizers, [self.scheduler(optimizer) for optimizer in optimizers]


def inference_parameters(latent: Single) -> list[nn.Parameter]:
    """The parameters of q(z|x)."""
    return [p for name, p in latent.named_parameters() if name.startswith(("encoder.", "posterior."))]


def average_over_ranks(*values: Tensor) -> tuple[Tensor, ...]:
    """Average each value over all ranks, in place: Lightning synchronises only one backward pass of a step."""
    if dist.is_available() and dist.is_initialized():
        for value in values:
            dist.all_reduce(value)
            value /= dist.get_world_size()
    return values
