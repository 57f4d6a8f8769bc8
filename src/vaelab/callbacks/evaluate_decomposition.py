"""Evidence from the aggregate posterior of the test split."""

import logging
import math
from time import perf_counter

import lightning.pytorch as pl
from torch.distributions import Normal

from vaelab.distribution.divergence import factorises
from vaelab.evaluation.decomposition import Decomposition
from vaelab.model.vae import VAE
from vaelab.terms import Batch, Terms

log = logging.getLogger(__name__)


class EvaluateDecomposition(pl.Callback):
    """Publishes `mutual_information`, `total_correlation` and `dimension_kl`, which add up to the rate.

    Only for one latent with a diagonal Gaussian posterior; otherwise nothing is published. `chunk` is how many
    samples meet the posteriors of all examples at a time, which bounds the memory.
    """

    def __init__(self, chunk: int) -> None:
        self.chunk = chunk

    def on_test_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.decomposition = Decomposition(self.chunk).to(pl_module.device)
        self.fits = True

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: Terms,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        posterior = outputs.posterior
        if factorises(posterior) and isinstance(posterior.base_dist, Normal) and len(outputs.latents) == 1:
            self.decomposition.update(outputs.latents[0][0], posterior.base_dist, outputs.log_pz[0])
        else:
            self.fits = False

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if not self.fits:
            log.warning("total_correlation is left out: the posterior is no diagonal Gaussian over one latent")
            return
        start = perf_counter()
        parts, num = self.decomposition.compute()
        seconds = perf_counter() - start
        units = dict.fromkeys(parts, "nats")
        units["mutual_information"] = f"nats, an estimate of at most log {num} = {math.log(num):.2f}"
        for name, value in parts.items():
            pl_module.publish(name, float(value), units[name], num, num_samples=1, seconds=seconds)
