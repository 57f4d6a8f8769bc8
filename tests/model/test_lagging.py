"""The lagging VAE: steps, phases, resuming and two processes."""

import multiprocessing
import socket
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from steps_itself import STEPS_PER_EPOCH, assert_resumes_exactly, fit
from two_trainers import NAMES, run

from vaelab.data.module import DataModule
from vaelab.model.lagging import Lagging
from vaelab.model.vae import VAE

Model, Data, Trainers = Callable[..., VAE], Callable[..., DataModule], Callable[..., pl.Trainer]


class Known(pl.Callback):
    """Pretends that the latents once said so much of x, in nats."""

    def __init__(self, information: float) -> None:
        self.information = information

    def on_train_start(self, trainer: pl.Trainer, pl_module: Lagging) -> None:
        pl_module.information.fill_(self.information)


def steps(running: pl.Trainer) -> list[float]:
    """How often encoder and posterior, and all others, have stepped."""
    return [next(iter(optimizer.state.values()))["step"].item() for optimizer in running.optimizers]


def test_the_encoder_steps_alone_and_then_the_others(model: Model, digits: Data, trainer: Trainers) -> None:
    vae, running = fit("lagging_vae", model, digits, trainer, max_steps=3)
    assert isinstance(vae, Lagging)
    assert running.global_step == 3
    inner, others = steps(running)
    assert others == 3
    assert 3 * 2 <= inner <= 3 * 4
    parameters = [p for optimizer in running.optimizers for p in optimizer.param_groups[0]["params"]]
    assert {id(p) for p in parameters} == {id(p) for p in vae.parameters()}


def test_an_inner_loop_ends_where_the_loss_rises(model: Model, digits: Data, trainer: Trainers) -> None:
    vae = model("model=lagging_vae", "model.max_inner_steps=50", "model.interval=3", "optimizer.lr=10")
    running = trainer(max_steps=1)
    running.fit(vae, digits())
    inner = steps(running)[0]
    assert inner < 50
    assert inner % 3 == 0


@pytest.mark.parametrize(("before", "aggressive"), [(torch.inf, False), (-1.0, True)])
def test_it_is_aggressive_while_the_information_increases(
    before: float, aggressive: bool, model: Model, digits: Data, trainer: Trainers
) -> None:
    vae, running = fit("lagging_vae", model, digits, trainer, Known(before), max_epochs=1)
    assert isinstance(vae, Lagging)
    assert bool(vae.aggressive) is aggressive
    assert vae.information.item() == pytest.approx(running.callback_metrics["val/mutual_information"].item())


def test_after_the_aggressive_phase_all_parameters_step_together(model: Model, digits: Data, trainer: Trainers) -> None:
    class Calm(Known):
        def on_train_start(self, trainer: pl.Trainer, pl_module: Lagging) -> None:
            super().on_train_start(trainer, pl_module)
            pl_module.aggressive.fill_(False)

    vae, running = fit("lagging_vae", model, digits, trainer, Calm(-1.0), max_epochs=2)
    assert isinstance(vae, Lagging)
    assert not vae.aggressive
    assert steps(running) == [2 * STEPS_PER_EPOCH] * 2


@pytest.mark.parametrize("until", [5, 8], ids=["within an epoch", "between epochs"])
def test_a_resumed_run_is_the_uninterrupted_one(
    until: int, model: Model, digits: Data, trainer: Trainers, tmp_path: Path
) -> None:
    assert_resumes_exactly("lagging_vae", until, tmp_path, model, digits, trainer)


@pytest.mark.slow
def test_two_processes_keep_equal_weights_for_any_number_of_steps(tmp_path: Path) -> None:
    """Of the lagging encoder and of an adversary: neither has the one backward pass that Lightning reckons with."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaelab.model.vae"])  # imports torch once, not twice
    running = [context.Process(target=run, args=(tmp_path, {**address, "LOCAL_RANK": str(rank)})) for rank in range(2)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=120)
    assert [process.exitcode for process in running] == [0, 0]
    for name in NAMES:
        one, other, start = (
            torch.load(tmp_path / f"{name}_{which}.pt", weights_only=True) for which in (0, 1, "start")
        )
        assert all(torch.equal(one[key], other[key]) for key in one)
        assert any(not torch.equal(one[key], start[key]) for key in one)
