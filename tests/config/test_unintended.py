"""Values that are allowed and can hardly be meant are named once."""

import logging
from collections.abc import Callable

import pytest
from omegaconf import DictConfig, OmegaConf

from vaelab.config.unintended import RULES, TRAINING, log_unintended
from vaelab.printing import warn_once


@pytest.fixture(autouse=True)
def nothing_was_said_before() -> None:
    warn_once.cache_clear()


@pytest.mark.parametrize(
    ("override", "choices", "sentence"),
    [
        ("optimizer.lr=0", "", "optimizer.lr=0 trains nothing"),
        ("optimizer.lr=10", "", "optimizer.lr=10 is far above the usual 0.001"),
        ("optimizer.weight_decay=1", "optimizer=adamw", "optimizer.weight_decay=1 erases the weights"),
        ("optimizer.maximize=true", "", "optimizer.maximize=True climbs the loss"),
        (
            "callbacks.checkpoint.mode=min",
            "",
            "callbacks.checkpoint.monitor=val/bound with mode=min keeps the worst weights",
        ),
        (
            "callbacks.checkpoint.monitor=val/rate",
            "",
            "callbacks.checkpoint.monitor=val/rate with mode=max keeps the worst weights",
        ),
        (
            "callbacks.evaluate.every_n_epochs=50",
            "",
            "callbacks.evaluate.every_n_epochs=50 never comes in trainer.max_epochs=7",
        ),
        (
            "evaluation.importance.chunk=5000",
            "",
            "evaluation.importance.chunk=5000 is more than its num_samples=20: all are decoded at once",
        ),
        ("kl.steps=0", "callbacks=[kl_annealing]", "kl.steps=0 anneals nothing"),
        ("kl.epochs=0", "callbacks=[kl_annealing]", "kl.epochs=0 anneals nothing"),
        (
            "kl.start=1",
            "callbacks=[kl_annealing]",
            "kl.start=1 does not rise to kl.stop=1.0: an annealing lets the weight of the KL grow",
        ),
        ("trainer.max_epochs=-1", "", "trainer.max_epochs=-1 sets no end in epochs"),
        (
            "trainer.limit_train_batches=1",
            "",
            "trainer.limit_train_batches=1 is one batch; 1.0 would be all of them",
        ),
    ],
)
def test_an_implausible_value(
    mistakes: Callable[..., list[str]], caplog: pytest.LogCaptureFixture, override: str, choices: str, sentence: str
) -> None:
    for _ in range(2):
        assert mistakes(override, *choices.split()) == []
    assert [record.getMessage() for record in caplog.records] == [sentence]
    assert caplog.records[0].levelno == logging.WARNING


def test_implausible_values_that_depend_on_the_data(caplog: pytest.LogCaptureFixture) -> None:
    config = OmegaConf.create({"data": {"batch_size": 2000, "chunk": 100}})
    log_unintended(config, {TRAINING: 1237})
    assert [record.getMessage() for record in caplog.records] == [
        "data.batch_size=2000 is more than the 1237 training examples: an epoch is one step"
    ]


def test_every_rule_is_about_keys_that_exist(composed: Callable[..., DictConfig]) -> None:
    config = composed("callbacks=[checkpoint,evaluate,kl_annealing,early_stopping]", "optimizer=adamw", "kl.epochs=3")
    optional = {TRAINING, "optimizer.maximize", "trainer.limit_train_batches"}
    keys = {key for rule in RULES for key in rule.keys} - optional
    assert [key for key in keys if OmegaConf.select(config, key) is None] == []
