"""A non-finite loss stops the run, and earlier checkpoints are kept."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from vaelab.callbacks.checkpoint import LastCheckpoint
from vaelab.callbacks.finite_loss import FiniteLoss
from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.model.vae import VAE

STEPS_PER_EPOCH = 10  # 1237 digits in batches of 128


class Poison(pl.Callback):
    """Fills one tensor of the model with a non-finite value before step `step`."""

    def __init__(self, step: int, name: str, value: float) -> None:
        self.step, self.name, self.value = step, name, value

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, *_: object) -> None:
        if trainer.global_step == self.step:
            pl_module.state_dict()[self.name].fill_(self.value)


def sentence(value: str, step: int, term: str) -> str:
    return (
        f"the loss became {value} at step {step}: term '{term}' is not finite; the checkpoints "
        "saved before it are kept; try a smaller optimizer.lr or trainer.gradient_clip_val=1"
    )


@pytest.mark.parametrize(
    ("step", "name", "value", "said"),
    [
        (12, "latent.decoder.head.bias", float("nan"), ("nan", 12, "distortion")),
        (STEPS_PER_EPOCH - 1, "latent.decoder.head.bias", float("nan"), ("nan", STEPS_PER_EPOCH - 1, "distortion")),
        (0, "control.weight", float("inf"), ("inf", 0, "loss")),
    ],
)
def test_the_step_and_the_term_are_named_and_the_checkpoint_before_is_whole(
    step: int,
    name: str,
    value: float,
    said: tuple[str, int, str],
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
    tmp_path: Path,
) -> None:
    running = trainer(Poison(step, name, value), LastCheckpoint(tmp_path), FiniteLoss(), max_epochs=3)
    with pytest.raises(UserError) as caught:
        running.fit(model(), digits())
    assert str(caught.value) == sentence(*said)
    assert running.global_step == step + 1
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["global_step"] == step - step % STEPS_PER_EPOCH
    other = model()
    other.load_state_dict(saved["state_dict"])
    assert all(value.isfinite().all() for value in other.state_dict().values())


def test_accumulated_gradients_belong_to_one_step(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    poison = Poison(2, "latent.decoder.head.bias", float("nan"))
    with pytest.raises(UserError) as caught:
        trainer(poison, FiniteLoss(), max_epochs=1, accumulate_grad_batches=3).fit(model(), digits())
    assert str(caught.value) == sentence("nan", 2, "distortion")


def test_losses_that_wait_on_an_accelerator_are_looked_at_before_a_save(
    model: Callable[..., VAE],
    digits: Callable[..., DataModule],
    trainer: Callable[..., pl.Trainer],
    tmp_path: Path,
) -> None:
    class Accelerated(FiniteLoss):
        """Lets losses wait as it does where they are not on the processor."""

        def flush(self) -> None:
            if len(self.pending) >= self.interval or self.saving:
                super().flush()

        saving = False

        def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: VAE, checkpoint: dict[str, object]) -> None:
            self.saving = True
            super().on_save_checkpoint(trainer, pl_module, checkpoint)
            self.saving = False

    poison = Poison(13, "latent.decoder.head.bias", float("nan"))
    running = trainer(poison, LastCheckpoint(tmp_path), Accelerated(interval=50), max_epochs=3)
    with pytest.raises(UserError) as caught:
        running.fit(model(), digits())
    assert str(caught.value) == sentence("nan", 13, "distortion")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == STEPS_PER_EPOCH


def test_finite_losses_pass(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    running = trainer(LastCheckpoint(tmp_path), FiniteLoss(), max_epochs=1)
    running.fit(model(), digits())
    assert running.global_step == STEPS_PER_EPOCH


class PoisonGradient(pl.Callback):
    """Sets the gradients of the last step of the first epoch to NaN; its loss is finite."""

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: VAE, optimizer: object) -> None:
        if trainer.global_step == STEPS_PER_EPOCH - 1:
            for weight in pl_module.parameters():
                assert weight.grad is not None
                weight.grad.fill_(float("nan"))


def test_weights_that_a_gradient_has_spoiled_are_not_saved(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer], tmp_path: Path
) -> None:
    running = trainer(PoisonGradient(), LastCheckpoint(tmp_path), FiniteLoss(), max_epochs=2)
    with pytest.raises(UserError, match=f"are not finite after {STEPS_PER_EPOCH} steps; the checkpoints saved before"):
        running.fit(model(), digits())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 0
