"""The LightningModule of all variants with one optimizer."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MeanMetric

from vaelab.data.initialization import InitializedFromData
from vaelab.data.module import DataModule
from vaelab.data.plain_loader import LoaderData, as_batch, check_batch
from vaelab.data.randomness import seeded
from vaelab.data.sampling import chunk_number
from vaelab.errors import UserError
from vaelab.kl.control import KLControl
from vaelab.latent.structure import LatentStructure
from vaelab.metric.bounds import objective_bound
from vaelab.metric.elbo import ELBOMetric, Means
from vaelab.metric.group_kl import GroupKL
from vaelab.model.clipping import clip
from vaelab.protocol import ImportanceWeightedObjective, Objective
from vaelab.ranges import Seed
from vaelab.terms import Batch, Loss, Terms

DATA = "data_fingerprint"  # the checkpoint's key for the examples that it was trained on


class VAE(pl.LightningModule):
    """A latent structure, trained on an objective.

    Training minimises the objective under KL control. Validation and test report ELBO, rate and distortion
    without any control, in nats per example, so that they compare across schedules. Checkpoints are chosen by
    `val/bound`, the bound on log p(x) that the objective maximises, without any control: the ELBO, or the bound of an
    importance-weighted objective. `val/kl/<index>` is the rate of each latent group (see `GroupKL`).

    Args:
        latent: batch -> Terms.
        objective: Terms -> Loss.
        optimizer: factory, given the parameters.
        scheduler: factory of the learning rate schedule, given the optimizer.
        seed: seed of the noise in evaluation.
    """

    def __init__(
        self,
        latent: LatentStructure,
        objective: Objective,
        optimizer: Callable[[Iterator[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler],
        seed: Seed,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.objective = objective
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.seed = seed
        self.control = KLControl()
        self.elbo = ELBOMetric()
        self.group_kl = GroupKL()
        self.test_means: Means | None = None  # of the last test, without any control
        self.bound = MeanMetric(nan_strategy="disable").set_dtype(torch.float64)  # a NaN must not be hidden
        self.loss: Loss | None = None
        self.clipped: Tensor | None = None  # whether the last step's gradients were clipped; None without clipping

    def inherits(self, name: str) -> bool:
        """Whether an entry of the state dict is taken from the run that initializes this one."""
        return not name.startswith("control.")  # KL control belongs to the run that is annealed

    def setup(self, stage: str) -> None:
        """Initialize parts from the training data; a checkpoint that is loaded later overrides this."""
        if stage == "fit":
            for part in (*self.latent.modules(), self.objective):
                if isinstance(part, InitializedFromData):
                    with seeded(self.seed, "start", type(part).__name__):
                        part.initialize_from(self.examples)

    @torch.no_grad()
    def on_fit_start(self) -> None:
        """Try the objective on two examples. Raises UserError if it does not support the latents."""
        precision, data = self.trainer.precision_plugin, self.examples
        if isinstance(data, LoaderData):
            first = data.first(2)
            check_batch(first, self.latent.likelihood)
        else:
            first = data.batch("train", torch.arange(min(2, len(data.split("train")))))
        batch = data.transfer_batch_to_device(first, self.device, 0)
        with seeded(self.seed, "try"), precision.forward_context():
            latent = deepcopy(self.latent)  # a codebook updates in every forward pass
            self.objective(latent(precision.convert_input(batch), self.objective.num_samples), self.control)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.loss = self.loss_of(batch)
        self.log_loss(batch)
        return self.loss.total

    def loss_of(self, batch: Batch) -> Loss:
        """The loss of a batch, with the diagnostics of the terms among its parts."""
        terms = self.latent(batch, self.objective.num_samples)
        loss = self.objective(terms, self.control)
        return loss._replace(parts=loss.parts | {name: value.mean() for name, value in terms.diagnostics.items()})

    def log_loss(self, batch: Batch) -> None:
        """Log the loss and its parts, if this step is logged."""
        if self.is_logged_step and self.loss is not None:
            parts = {f"train/{name}": part for name, part in self.loss.parts.items()}
            self.log_dict({"train/loss": self.loss.total, **parts}, prog_bar=True, batch_size=len(batch.x))

    @property
    def importance_objective(self) -> ImportanceWeightedObjective | None:
        """The objective, if it maximises an importance-weighted bound other than the ELBO."""
        objective = self.objective
        return (
            objective
            if isinstance(objective, ImportanceWeightedObjective) and objective.samples_per_bound > 1
            else None
        )

    @property
    def data_module(self) -> DataModule | None:
        """The trainer's data module; None if the trainer was given loaders."""
        found: DataModule | None = self.trainer.datamodule  # type: ignore[attr-defined]
        return found

    @property
    def data(self) -> DataModule:
        """The trainer's data module. Raises UserError if there is none."""
        if self.data_module is None:
            raise UserError(
                "a callback wants the splits of a vaelab DataModule, but the trainer was given loaders; leave it out, "
                "or give trainer.fit(model, datamodule)"
            )
        return self.data_module

    @property
    def examples(self) -> DataModule | LoaderData:
        """The training data: a data module or a user's loader."""
        return self.data_module or LoaderData(self.trainer.fit_loop._data_source.dataloader)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch to the device; the output of a user's loader becomes a Batch."""
        given = as_batch(batch) if self.data_module is None else batch
        moved: Batch = super().transfer_batch_to_device(given, device, dataloader_idx)
        return moved

    @property
    def is_logged_step(self) -> bool:
        """Whether this training step is logged."""
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return (self.global_step + 1) % interval == 0

    def validation_step(self, batch: Batch, batch_idx: int) -> Terms:
        """Terms of one evaluation chunk, with noise seeded by the chunk's number in the whole split."""
        terms = self.test_step(batch, batch_idx)
        self.group_kl.update(terms.kl)
        if self.importance_objective is not None:
            with seeded(self.seed, "bound", chunk_number(batch_idx, self.trainer)):
                self.bound.update(objective_bound(self.importance_objective, self.latent, batch))
        return terms

    def test_step(self, batch: Batch, batch_idx: int) -> Terms:
        with seeded(self.seed, chunk_number(batch_idx, self.trainer)):
            terms = self.latent(batch)
        self.elbo.update(terms)
        return terms

    def on_validation_epoch_end(self) -> None:
        values = self.elbo.compute().values
        self.elbo.reset()
        self.log_dict({f"val/{name}": value for name, value in values.items()}, prog_bar=True)
        self.log("val/bound", values["elbo"] if self.importance_objective is None else self.bound.compute())
        self.bound.reset()
        self.log_dict({f"val/kl/{index}": value for index, value in self.group_kl.compute().items()})
        self.group_kl.reset()

    def on_test_epoch_end(self) -> None:
        self.test_means = self.elbo.compute()
        self.elbo.reset()
        self.log_dict({f"test/{name}": value for name, value in self.test_means.publishable.items()})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.data_module is not None:
            checkpoint[DATA] = self.data_module.fingerprint

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        self.clipped = clip(optimizer, gradient_clip_val, gradient_clip_algorithm, str(self.trainer.precision))

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(parameter for parameter in self.parameters() if parameter.requires_grad)
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer)}
