"""Training with an adversary: gradients, steps and resuming."""

from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from steps_itself import STEPS_PER_EPOCH, USUAL, assert_resumes_exactly, fit

from vaelab.data.module import DataModule
from vaelab.errors import UserError
from vaelab.model.adversarial import Adversarial
from vaelab.model.vae import VAE
from vaelab.terms import Batch

NAMES = ("factor_vae", "adversarial_autoencoder", "vae_gan")

every_variant = pytest.mark.parametrize("name", NAMES)
Model, Data, Trainers = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]


@every_variant
def test_one_backward_pass_gives_each_parameter_the_gradient_of_its_own_loss(
    name: str, model: Model, batch: Batch
) -> None:
    vae = model(f"model={name}")
    assert isinstance(vae, Adversarial)
    torch.manual_seed(1)
    vae.loss_of(batch).total.backward()
    torch.manual_seed(1)
    terms, own = vae.adversary(vae.latent(batch), batch, vae.latent)
    for loss, side in ((vae.objective(terms, vae.control).total, vae.latent), (own, vae.adversary)):
        parameters = list(side.parameters())
        alone = torch.autograd.grad(loss, parameters, retain_graph=True)
        torch.testing.assert_close([p.grad for p in parameters], list(alone))


@every_variant
def test_both_step_once_per_batch_and_the_trainer_counts_one(
    name: str, model: Model, digits: Data, trainer: Trainers
) -> None:
    vae, running = fit(name, model, digits, trainer, max_epochs=2)
    assert running.global_step == 2 * STEPS_PER_EPOCH
    for optimizer, parameter in zip(running.optimizers, (vae.latent, vae.adversary), strict=True):
        assert optimizer.state[next(parameter.parameters())]["step"] == 2 * STEPS_PER_EPOCH
    assert [config.scheduler.last_epoch for config in running.lr_scheduler_configs] == [2]


def test_the_learning_rate_schedule_equals_that_of_a_vae(model: Model, digits: Data, trainer: Trainers) -> None:
    rates = []
    for name in ("vae", "factor_vae"):
        vae, running = model(f"model={name}", *USUAL), trainer(max_epochs=4)
        running.fit(vae, digits(*USUAL))
        rates.append(running.optimizers[0].param_groups[0]["lr"])
    assert rates[0] == rates[1] < 1e-3


@every_variant
@pytest.mark.parametrize("until", [5, 8], ids=["within an epoch", "between epochs"])
def test_a_resumed_run_is_the_uninterrupted_one(
    name: str, until: int, model: Model, digits: Data, trainer: Trainers, tmp_path: Path
) -> None:
    assert_resumes_exactly(name, until, tmp_path, model, digits, trainer)


def test_gradient_accumulation_is_an_error(model: Model, trainer: Trainers) -> None:
    with pytest.raises(UserError) as caught:
        model("model=factor_vae").manual_optimization.disable_trainer_clipping(trainer(accumulate_grad_batches=2))
    assert str(caught.value) == (
        "trainer.accumulate_grad_batches=2 does not reach a model that steps its optimizers itself; leave it at 1 "
        "and set a larger data.batch_size"
    )
