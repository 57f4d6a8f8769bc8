"""Values that are valid but probably unintended: each is logged once, and the run continues."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vaelab.printing import warn_once

log = logging.getLogger(__name__)
TRAINING = "number of training examples"  # known once the data are there
GAINS = ("bound", "elbo", "accuracy", "active_units", "mutual_information", "label_fidelity")  # the more, the better
LOSSES = ("loss", "rate", "distortion", "bce", "mse", "gap")  # the less, the better


class Rule(NamedTuple):
    """A test for unlikely values at `keys`, applied where all of them are set, and the sentence to log."""

    keys: tuple[str, ...]
    unlikely: Callable[..., bool]
    sentence: str


def keeps_worst(monitor: str, mode: str) -> bool:
    """Whether a checkpoint that watches this would keep the worst weights."""
    name = monitor.rpartition("/")[2]
    return name in (GAINS if mode == "min" else LOSSES)


RULES = (
    Rule(("optimizer.lr",), lambda lr: lr == 0, "optimizer.lr={} trains nothing"),
    Rule(("optimizer.lr",), lambda lr: lr > 1, "optimizer.lr={} is far above the usual 0.001"),
    Rule(("optimizer.weight_decay",), lambda decay: decay >= 1, "optimizer.weight_decay={} erases the weights"),
    Rule(("optimizer.maximize",), lambda climbs: climbs, "optimizer.maximize={} climbs the loss"),
    Rule(
        ("callbacks.checkpoint.monitor", "callbacks.checkpoint.mode"),
        keeps_worst,
        "callbacks.checkpoint.monitor={} with mode={} keeps the worst weights",
    ),
    Rule(
        ("callbacks.evaluate.every_n_epochs", "trainer.max_epochs"),
        lambda every, epochs: 0 < epochs < every,
        "callbacks.evaluate.every_n_epochs={} never comes in trainer.max_epochs={}",
    ),
    Rule(
        ("callbacks.early_stopping.patience", "trainer.max_epochs"),
        lambda patience, epochs: 0 < epochs <= patience,
        "callbacks.early_stopping.patience={} never ends a training of trainer.max_epochs={}",
    ),
    Rule(
        ("evaluation.importance.chunk", "evaluation.importance.num_samples"),
        lambda chunk, num_samples: chunk > max(num_samples, 10),
        "evaluation.importance.chunk={} is more than its num_samples={}: all are decoded at once",
    ),
    Rule(
        ("callbacks.kl_annealing.schedule.start", "callbacks.kl_annealing.schedule.stop"),
        lambda start, stop: start >= stop,
        "kl.start={} does not rise to kl.stop={}: an annealing lets the weight of the KL grow",
    ),
    Rule(("callbacks.kl_annealing.schedule.steps",), lambda steps: steps == 0, "kl.steps={} anneals nothing"),
    Rule(("callbacks.kl_annealing.schedule.epochs",), lambda epochs: epochs == 0, "kl.epochs={} anneals nothing"),
    Rule(("trainer.max_epochs",), lambda epochs: epochs == -1, "trainer.max_epochs={} sets no end in epochs"),
    Rule(
        ("trainer.limit_train_batches",),
        lambda limit: limit == 1 and isinstance(limit, int),
        "trainer.limit_train_batches={} is one batch; 1.0 would be all of them",
    ),
    Rule(
        ("data.batch_size", TRAINING),
        lambda size, num: size > num,
        "data.batch_size={} is more than the {} training examples: an epoch is one step",
    ),
    Rule(
        ("data.chunk", TRAINING),
        lambda chunk, num: chunk > max(num, 500),  # which the data's configs take
        "data.chunk={} is more than the {} training examples; evaluation takes all of them at once",
    ),
)


def log_unintended(config: DictConfig, known: Mapping[str, Any] | None = None) -> None:
    """Log what RULES find in a config, or, once more by keys of its own is `known`, what they find with these."""
    for rule in RULES:
        values = [(known or {}).get(key, value_at(config, key)) for key in rule.keys]
        awaited = not known or not known.keys().isdisjoint(rule.keys)
        if awaited and None not in values and rule.unlikely(*values):
            warn_once(log, rule.sentence.format(*values))


def value_at(config: DictConfig, key: str) -> Any:
    """The value of a dotted key, None where there is none."""
    try:
        return OmegaConf.select(config, key)
    except OmegaConfBaseException:
        return None
