"""Evidence from reconstructions of the test split."""

from time import perf_counter

import lightning.pytorch as pl

from vaelab.evaluation.reconstruction import ReconstructionError
from vaelab.model.vae import VAE
from vaelab.terms import Batch


class EvaluateReconstructions(pl.Callback):
    """Publishes `reconstruction/mse`, and `reconstruction/bce` where x lies in [0, 1], per image."""

    def on_test_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.error = ReconstructionError().to(pl_module.device)
        self.seconds = 0.0

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        start = perf_counter()
        self.error.update(batch.x, pl_module.latent.reconstruct(batch.x, batch.y))
        self.seconds += perf_counter() - start

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        units = {"mse": "squared pixels per image", "bce": "nats per image"}
        errors, num = self.error.compute()
        for name, value in errors.items():
            pl_module.publish(f"reconstruction/{name}", float(value), units[name], num, seconds=self.seconds)
