"""Accuracy as a run reports it."""

from collections.abc import Callable

import lightning.pytorch as pl
import torch
from measuring import evaluate, records_of

from vaelab.callbacks.evaluate import Evaluate
from vaelab.data.module import DataModule
from vaelab.evaluation.accuracy import LabelAccuracy
from vaelab.model.vae import VAE


def test_is_the_accuracy_on_the_whole_test_split(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    vae, data = model("model=m2"), digits()
    trainer(evaluate(accuracy=LabelAccuracy())).test(vae, data, verbose=False)
    test = data.batch("test", torch.arange(360))
    expected = (vae.latent.classify(test.x).argmax(1) == test.y).double().mean().item()
    record = records_of(vae)["accuracy"].measurement
    assert (record.value, record.num_examples, record.unit) == (expected, 360, "share of examples")
    assert 0 < expected < 1


def test_increases_in_training_with_few_labels(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    data = digits("data.num_labels=50", "data.labelled_per_batch=64")
    vae = model("model=m2", "optimizer.lr=0.01", "latent.classification_weight=10")
    measures = {"accuracy": LabelAccuracy()}
    fitting = trainer(Evaluate(measures, 1, list(measures), num_examples=1000), max_epochs=2)
    fitting.fit(vae, data)
    assert fitting.callback_metrics["val/accuracy"] > 0.6


def test_a_model_that_infers_no_labels_has_no_accuracy(
    model: Callable[..., VAE], digits: Callable[..., DataModule], trainer: Callable[..., pl.Trainer]
) -> None:
    vae = model("model=cvae")
    trainer(evaluate(accuracy=LabelAccuracy())).test(vae, digits(), verbose=False)
    assert "accuracy" not in records_of(vae)
