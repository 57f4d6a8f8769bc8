"""Evidence from the codes of the test split."""

import lightning.pytorch as pl

from vaelab.evaluation.active_units import ActiveUnits
from vaelab.model.vae import VAE
from vaelab.terms import Batch


class EvaluateLatents(pl.Callback):
    """Publishes `active_units`, the number of latent dimensions whose posterior mean varies over x."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.active_units: ActiveUnits | None = None

    def on_test_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.active_units = None

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        code = pl_module.latent.encode(batch.x, batch.y)
        if self.active_units is None:
            self.active_units = ActiveUnits(code.shape[1], self.threshold).to(code.device)
        self.active_units.update(code)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        assert self.active_units is not None
        count, num = self.active_units.compute()
        pl_module.publish("active_units", float(count), f"of {len(self.active_units.total)} dimensions", num)
