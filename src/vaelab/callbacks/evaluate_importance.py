"""Evidence from importance weights: the tightest bound that the test split gets."""

import logging
from time import perf_counter

import lightning.pytorch as pl

from vaelab.data.randomness import seeded
from vaelab.data.sampling import chunk_number
from vaelab.evaluation.importance import ImportanceWeightedBound, streamed_bound
from vaelab.model.vae import VAE
from vaelab.terms import Batch, Terms

log = logging.getLogger(__name__)


class EvaluateImportance(pl.Callback):
    """Publishes `nll/iw<k>` in nats per example, or `bce/iw<k>` for a pseudo-likelihood.

    `num_samples` is k; `chunk` is how many of them are decoded at a time, which bounds the memory. A posterior
    without a density has no importance weights, and then nothing is published.
    """

    def __init__(self, num_samples: int, chunk: int) -> None:
        self.num_samples = num_samples
        self.chunk = chunk

    def on_test_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.bound = ImportanceWeightedBound().to(pl_module.device)
        self.seconds = 0.0

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: Terms,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not outputs.is_bound:
            self.bound.update(outputs.log_px[0, :0].double(), True)  # no example has a weight
            return
        start = perf_counter()
        with seeded(pl_module.seed, "importance", chunk_number(batch_idx, trainer)):
            bound = streamed_bound(pl_module.latent, batch, self.num_samples, self.chunk)
        self.bound.update(bound, pl_module.latent.likelihood.is_density(batch.x))
        self.seconds += perf_counter() - start

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        kind, value, num = self.bound.compute()
        if not num:
            log.warning("nll/iw%d is left out: the posterior is a point, which has no density", self.num_samples)
            return
        name = f"{kind}/iw{self.num_samples}"
        pl_module.publish(name, float(value), "nats per example", num, self.num_samples, self.seconds)
