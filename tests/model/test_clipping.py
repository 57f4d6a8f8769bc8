"""Gradient clipping in automatic and manual optimization."""

from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch

from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.model.clipping import clip
from vaelab.model.manual_optimization import UsesManualOptimization
from vaelab.model.vae import VAE

Model, Data, Trainers = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]


class Norms(pl.Callback):
    """Notes how long the gradient of each optimizer is before it steps."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: VAE, outputs: object, batch: object, index: int
    ) -> None:
        for optimizer in trainer.optimizers:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
            self.norms.append(torch.nn.utils.get_total_norm(gradients).item())


@pytest.mark.parametrize("name", ["vae", "factor_vae"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_by_the_trainers_settings(
    precision: str, name: str, model: Model, digits: Data, trainer: Trainers
) -> None:
    norms, vae = Norms(), model(f"model={name}")
    running = trainer(norms, max_steps=3, gradient_clip_val=1e-4, precision=precision)
    if isinstance(vae, UsesManualOptimization):
        vae.manual_optimization.disable_trainer_clipping(running)
    running.fit(vae, digits())
    assert norms.norms
    assert norms.norms == pytest.approx([1e-4] * len(norms.norms), rel=1e-2)


def test_scaled_gradients_are_not_clipped() -> None:
    with pytest.raises(UserError, match=r"^trainer.gradient_clip_val=1 would clip the scaled gradients of"):
        clip(torch.optim.SGD([torch.zeros(1)]), 1, "norm", "16-mixed")
