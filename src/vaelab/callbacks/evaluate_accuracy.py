"""Evidence from classifying: does the model tell labels that it was not told?"""

from time import perf_counter

import lightning.pytorch as pl

from vaelab.evaluation.accuracy import Accuracy
from vaelab.model.vae import VAE
from vaelab.protocol import Classifies
from vaelab.terms import Batch


class EvaluateAccuracy(pl.Callback):
    """Publishes `accuracy`, the share of examples whose likeliest label under q(y | x) is theirs.

    Logs `val/accuracy` after each epoch. Asks nothing of a model that tells no labels.
    """

    def start(self, pl_module: VAE) -> None:
        self.accuracy = Accuracy().to(pl_module.device)
        self.seconds = 0.0

    def add(self, pl_module: VAE, batch: Batch) -> None:
        start = perf_counter()
        if isinstance(pl_module.latent, Classifies):
            assert batch.y is not None, "a model that classifies was built from labels"
            self.accuracy.update(pl_module.latent.classify(batch.x), batch.y)
        self.seconds += perf_counter() - start

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.start(pl_module)

    def on_test_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.start(pl_module)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.add(pl_module, batch)

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.add(pl_module, batch)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if isinstance(pl_module.latent, Classifies):
            share, _ = self.accuracy.compute()
            pl_module.log("val/accuracy", share.float(), prog_bar=True)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if isinstance(pl_module.latent, Classifies):
            share, num = self.accuracy.compute()
            pl_module.publish("accuracy", float(share), "share of examples", num, seconds=self.seconds)
