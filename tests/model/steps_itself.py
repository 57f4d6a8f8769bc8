"""Helpers for tests of modules with manual optimization."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import torch

from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.callbacks.kl_annealing import KLAnnealing
from vaelab.data.module import DataModule
from vaelab.kl.schedule import Linear
from vaelab.model.vae import VAE

MODELS = {
    "factor_vae": ("adversary.discriminator.hidden=[16]",),
    "adversarial_autoencoder": ("adversary.discriminator.hidden=[16]",),
    "vae_gan": (),
    "lagging_vae": ("model.max_inner_steps=4", "model.interval=2"),
}
STEPS_PER_EPOCH = 4  # 1237 digits in batches of 400
USUAL = ("data.batch_size=400", "data.binarization=dynamic", "scheduler=cosine", "scheduler.T_max=6")


def fit(
    name: str,
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
    *callbacks: pl.Callback,
    ckpt_path: Path | None = None,
    **limits: float,
) -> tuple[VAE, pl.Trainer]:
    """A small model after some training."""
    vae, running = model(f"model={name}", *MODELS[name], *USUAL), trainer(FiniteLoss(), *callbacks, **limits)
    running.fit(vae, digits(*USUAL), ckpt_path=ckpt_path, weights_only=True)
    return vae, running


def assert_resumes_exactly(name: str, until: int, folder: Path, *parts: Callable) -> None:
    """Training `until` steps and then the rest equals training at once, in weights and in optimizers."""
    total, model = 3 * STEPS_PER_EPOCH, parts[0]
    annealing = (
        ()
        if "weight" not in model(f"model={name}").objective.supported_controls
        else (KLAnnealing(Linear(0, 1, total)),)
    )
    whole, at_once = fit(name, *parts, *annealing, max_steps=total)
    _, first = fit(name, *parts, *annealing, max_steps=until)
    first.save_checkpoint(folder / "first.ckpt")
    resumed, then = fit(name, *parts, *annealing, ckpt_path=folder / "first.ckpt", max_steps=total)
    assert then.global_step == at_once.global_step == total
    for key, expected in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], expected), key
    for found, expected in zip(then.optimizers, at_once.optimizers, strict=True):
        torch.testing.assert_close(found.state_dict(), expected.state_dict(), rtol=0, atol=0)
