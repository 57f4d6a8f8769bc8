"""Norms of the gradients: before clipping, of model and adversary apart, and only in the steps that are logged."""

from collections.abc import Callable

import lightning.pytorch as pl
import pytest
import torch

from vaelab.callbacks.gradient_norm import GradientNorm
from vaelab.data.module import DataModule
from vaelab.model.vae import VAE


class Watch(pl.Callback):
    """Notes the norm of all gradients of the model as torch has it, and what was logged in each step."""

    def __init__(self) -> None:
        self.norms: list[float] = []
        self.logged: list[dict[str, float]] = []

    def on_after_backward(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        squares = [each.grad.double().square().sum() for each in pl_module.parameters() if each.grad is not None]
        self.norms.append(torch.stack(squares).sum().sqrt().item())

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        self.logged.append({key: float(value) for key, value in trainer.logged_metrics.items() if "norm" in key})


@pytest.mark.parametrize("clip", [None, 1e-3])
@pytest.mark.parametrize("name", ["vae", "factor_vae", "vae_gan", "adversarial_autoencoder", "lagging_vae"])
def test_the_squares_add_up_to_those_of_the_whole_gradient(
    name: str,
    clip: float | None,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
) -> None:
    vae, watch = model(f"model={name}"), Watch()
    running = trainer(GradientNorm(), watch, max_steps=4, gradient_clip_val=clip, limit_val_batches=0)
    if hasattr(vae, "manual_optimization"):
        vae.manual_optimization.disable_trainer_clipping(running)
    running.fit(vae, digits())
    adversarial = hasattr(vae, "adversary")
    assert len(watch.logged) == 4
    for norm, logged in zip(watch.norms, watch.logged, strict=True):
        assert ("train/adversary_gradient_norm" in logged) == adversarial
        assert sum(value**2 for value in logged.values()) == pytest.approx(norm**2, rel=1e-4)
    if adversarial:
        assert {"train/logit_genuine", "train/logit_fake"} <= set(running.callback_metrics)


def test_other_steps_compute_nothing(
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []
    running = trainer(GradientNorm(), max_steps=10, log_every_n_steps=5, limit_val_batches=0)

    def count(*_: object, **__: object) -> torch.Tensor:
        steps.append(running.global_step)
        return torch.tensor(1.0)

    monkeypatch.setattr("vaelab.callbacks.gradient_norm.get_total_norm", count)
    running.fit(model(), digits())
    assert steps == [4, 9]
