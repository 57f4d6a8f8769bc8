"""Measures and features with the settings of a run."""

import torch

from vaelab.callbacks.evaluate import Evaluate
from vaelab.data.module import DataModule
from vaelab.evaluation.measure import Measure
from vaelab.evaluation.record import Record
from vaelab.features.network import FeatureNetwork, Features
from vaelab.model.vae import VAE


def evaluate(**measures: Measure) -> Evaluate:
    """The callback that publishes what some measures find at the end of a test."""
    return Evaluate(measures, every_n_epochs=0, during_training=[], num_examples=0)


def records_of(vae: VAE) -> dict[str, Record]:
    """What the callback of the trainer that tested a model last has found."""
    (callback,) = (one for one in vae.trainer.callbacks if isinstance(one, Evaluate))
    return callback.records


def network_of(features: Features, data: DataModule) -> FeatureNetwork:
    """The network that a choice of features means for some data, in a single process."""
    return features(data, torch.device("cpu"), lambda function: function())
