"""vaelab doctor: results for valid experiments and for each mistake; it leaves no files."""

import re
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from commandline import SMALL, call
from omegaconf import DictConfig
from variants import NAMES, first_stage

from vaelab.data.module import DataModule
from vaelab.health.check_result import FAILED, PASSED
from vaelab.health.first_step import FirstStep, learning_line
from vaelab.jobs.dry_run import ENDLESS, num_steps
from vaelab.model.vae import VAE

LINES = ("parts", "likelihood", "labels", "input range", "decoder balance", "first loss", "gradients", "KL schedule")


def examine(
    folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, tuple[str, str]], str]:
    """Exit status, verdict and sentence of each line, and what was said on standard error."""
    status = call(folder, "doctor", *arguments)
    assert not list(folder.iterdir())
    said = capsys.readouterr()
    rows = re.findall(r"^  (\S.*?)  +(passed|FAILED|n/a)  +(.*?) *$", said.out, flags=re.MULTILINE)
    return status, {name: (verdict, sentence) for name, verdict, sentence in rows}, said.err.strip()


def test_a_sound_experiment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, said = examine(tmp_path, capsys, "model=cvae", *SMALL)
    assert (status, said) == (0, "")
    assert set(lines) == set(LINES)
    assert {verdict for verdict, _ in lines.values()} == {"passed", "n/a"}
    assert lines["labels"] == ("passed", "all training examples keep one of 10 labels")
    assert lines["KL schedule"] == ("n/a", "no schedule writes to the KL control")
    assert "pseudo-likelihood" in lines["likelihood"][1]
    assert "parameters got a finite gradient" in lines["gradients"][1]


@pytest.mark.parametrize("name", ["vq_vae", "factor_vae"])
def test_structures_and_adversaries(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, said = examine(tmp_path, capsys, f"model={name}", *SMALL)
    assert (status, said) == (0, "")
    assert set(lines) == set(LINES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if first_stage(name) is None])
def test_every_variant_that_starts_untrained(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, said = examine(tmp_path, capsys, f"model={name}", "data=digits")
    assert (status, said) == (0, "")
    assert set(lines) == set(LINES)


@pytest.mark.parametrize(
    ("arguments", "name", "sentence"),
    [
        (
            ["callbacks=[checkpoint,kl_annealing]"],
            "KL schedule",
            "the schedule of weight ends at step 2000, and the number of steps planned is 70; "
            "raise trainer.max_epochs or shorten the schedule (kl.steps or kl.epochs)",
        ),
        (
            ["data.scale=none"],
            "parts",
            "likelihood 'bernoulli' needs x in [0, 1], but data 'digits' gave 0.00 to 255.00; set data.scale=unit",
        ),
        (["likelihood=gaussian", "data.scale=none"], "input range", "deviations near 1: set data.scale=unit"),
        (
            ["model=cvae", "data.num_labels=100"],
            "labels",
            "100 training examples keep one of 10 labels, but 'label' needs all of them; set data.num_labels=all",
        ),
        (
            ["model=cvae", "data=linear_gaussian", "likelihood=gaussian"],
            "parts",
            "condition 'label' needs labels, but the data has none; choose data with labels or set condition=none",
        ),
        (["decoder.hidden=[4096,512]"], "decoder balance", "bring their sizes closer"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_failed_check(
    arguments: list[str], name: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines, said = examine(tmp_path, capsys, *SMALL, *arguments)
    assert status == 1
    assert lines[name][0] == "FAILED"
    assert sentence in lines[name][1]
    assert name in said
    assert said.endswith("each says what to do")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["model=cvea"], 2, "no model 'cvea' in conf/model; did you mean 'cvae'?"),
        (
            ["+objective.x=1"],
            1,
            "config has 1 mistake:\n  objective (conf/objective/elbo.yaml): ELBO has no argument 'x'; "
            "it takes beta, num_samples",
        ),
        (
            ["optimizer.lr=-1"],
            1,
            "config has 1 mistake:\n  optimizer.lr=-1 must be a number of at least 0 (conf/optimizer/adam.yaml)",
        ),
        (["trainer.strategy=none"], 1, "trainer 'cpu': You selected an invalid strategy name: `strategy='none'`"),
        (
            ["trainer.devices=0"],
            1,
            "config has 1 mistake:\n  trainer.devices=0 must be an integer of at least 1, -1, auto or a non-empty "
            "list of integers of at least 0 (conf/trainer/cpu.yaml)",
        ),
        (
            ["callbacks=[kl_annealing,capacity]", "+callbacks.again=${callbacks.kl_annealing}"],
            1,
            "callbacks KLAnnealing and KLAnnealing both write 'weight'; keep one of them",
        ),
        (
            ["model=two_stage_vae"],
            1,
            "doctor checks models that start untrained, but a second stage starts from a run; "
            "train it with first_stage=...",
        ),
        (["-m", "seed=0,1"], 1, "doctor checks one experiment at a time; leave out -m"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_gives_the_message_of_train(
    arguments: list[str], status: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine(tmp_path, capsys, *SMALL, *arguments) == (status, {}, sentence)


def test_a_recipe_that_would_be_a_multirun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, _ = examine(tmp_path, capsys, "experiment=mnist_families", "data=digits", "data.binarization=none")
    assert lines["KL schedule"][0] == "FAILED"
    assert status == 1


def test_help_of_doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "doctor", "--help") == 0
    said = capsys.readouterr().out
    assert "vaelab doctor model=cvae data=fashion_mnist" in said
    assert "cvae" in said


def test_parameters_without_a_gradient() -> None:
    assert learning_line({"a": True}).verdict == PASSED
    line = learning_line({"a": True, "b": None, "c": False, "d": True})
    assert (line.verdict, line.value) == (FAILED, 0.5)
    assert line.message.startswith("2 of 4 parameters got a finite gradient; not b, c: ")


def test_a_parameter_that_the_loss_does_not_reach(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    vae, first = model(), FirstStep()
    vae.latent.decoder.idle = torch.nn.Parameter(torch.zeros(3))
    trainer(first, max_steps=1, limit_val_batches=0).fit(vae, digits())
    loss, gradients = first.lines()
    assert loss.verdict == PASSED
    assert gradients.verdict == FAILED
    assert "not latent.decoder.idle:" in gradients.message


def test_a_first_loss_that_is_not_finite() -> None:
    loss, _ = FirstStep([torch.nan], {"a": True}).lines()
    assert loss.verdict == FAILED


@pytest.mark.parametrize(
    ("given", "num_processes", "steps"),
    [
        ({"max_epochs": 3}, 1, 30),
        ({"max_epochs": 3}, 2, 15),
        ({"max_epochs": 3, "max_steps": 7}, 1, 7),
        ({"max_epochs": -1, "max_steps": 9}, 1, 9),
        ({"max_epochs": -1}, 1, ENDLESS),
        ({"max_epochs": 2, "limit_train_batches": 4}, 1, 8),
        ({"max_epochs": 2, "limit_train_batches": 0.55}, 1, 10),
        ({"max_epochs": 2, "limit_train_batches": 1.0}, 1, 20),
        ({"max_epochs": 2, "overfit_batches": 1}, 1, 2),
        ({"max_epochs": 2, "accumulate_grad_batches": 4}, 1, 6),
    ],
)
def test_the_number_of_planned_steps(
    given: dict[str, float], num_processes: int, steps: int, digits: Callable[..., DataModule]
) -> None:
    assert num_steps(DictConfig(given), digits(), num_processes) == steps


def test_planned_steps_equal_the_steps_of_training(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    given = {"max_epochs": 2, "limit_train_batches": 0.55, "accumulate_grad_batches": 2}
    running = trainer(limit_val_batches=0, **given)
    running.fit(model(), digits())
    assert running.global_step == num_steps(DictConfig(given), digits(), 1)
