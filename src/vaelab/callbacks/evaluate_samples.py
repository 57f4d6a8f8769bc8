"""Evidence from samples of the prior."""

from pathlib import Path
from time import perf_counter

import lightning.pytorch as pl
import torch
from torchmetrics import Metric

from vaelab.data.randomness import seeded
from vaelab.evaluation.classifier import Classifier, trained_classifier
from vaelab.evaluation.label_fidelity import LabelFidelity
from vaelab.model.vae import VAE


class EvaluateSamples(pl.Callback):
    """Publishes `label_fidelity` of `num_samples` samples, equally many of each class, at temperature 1.

    Asks nothing of an unconditional model, which cannot be told a class. The classifier that judges is
    trained on the data's own train split, once, and kept in `folder`.
    """

    name = "label_fidelity"
    unit = "share of samples"

    def __init__(self, num_samples: int, folder: str) -> None:
        self.num_samples = num_samples
        self.folder = Path(folder)

    def asks(self, pl_module: VAE) -> bool:
        """Whether the model has an answer."""
        return pl_module.latent.conditional

    def metric(self, pl_module: VAE) -> Metric:
        """What takes logits and the labels that were asked for."""
        return LabelFidelity(pl_module.data.num_classes)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if not self.asks(pl_module):
            return
        start = perf_counter()
        value = self.measure(trainer, pl_module).compute()
        seconds = perf_counter() - start
        pl_module.publish(self.name, float(value), self.unit, self.num_samples, seconds=seconds)

    def judge(self, trainer: pl.Trainer, pl_module: VAE) -> Classifier:
        """The classifier, trained by the first process and read by the others."""
        data = pl_module.data
        split = data.split("train")
        train = split[torch.arange(len(split))]
        assert train.y is not None
        if trainer.is_global_zero:
            trained_classifier(train.x, train.y, data.num_classes, self.folder)
        trainer.strategy.barrier()
        return trained_classifier(train.x, train.y, data.num_classes, self.folder).to(pl_module.device)

    def measure(self, trainer: pl.Trainer, pl_module: VAE) -> Metric:
        """Draw in chunks that the processes share, the noise of each seeded by its number."""
        data = pl_module.data
        # Lightning tests in inference mode, whose tensors cannot be learned from.
        with torch.inference_mode(False), torch.enable_grad():
            classifier = self.judge(trainer, pl_module)
        metric = self.metric(pl_module).to(pl_module.device)
        labels = torch.arange(self.num_samples, device=pl_module.device) % data.num_classes
        for number, y in list(enumerate(labels.split(data.chunk)))[trainer.global_rank :: trainer.world_size]:
            with seeded(pl_module.seed, "samples", number):
                x = pl_module.latent.sample(len(y), y if pl_module.latent.conditional else None)
            metric.update(classifier(data.to_unit(x)), y)
        return metric
