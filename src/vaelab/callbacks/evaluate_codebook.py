"""Evidence from the codes of the test split, where there is a codebook."""

import lightning.pytorch as pl

from vaelab.evaluation.perplexity import Perplexity
from vaelab.latent.quantized import Quantized
from vaelab.model.vae import VAE
from vaelab.terms import Batch, Terms


class EvaluateCodebook(pl.Callback):
    """Publishes `perplexity`, the number of codes in use; nothing where the latents are no codes."""

    def __init__(self) -> None:
        self.perplexity: Perplexity | None = None

    def on_test_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.perplexity = None
        if isinstance(pl_module.latent, Quantized):
            codebook = pl_module.latent.codebook
            self.perplexity = Perplexity(codebook.num_quantizers, codebook.num_codes).to(pl_module.device)

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: Terms,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self.perplexity is not None:
            _, codes = outputs.latents
            self.perplexity.update(codes[0])

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if self.perplexity is not None:
            value, num = self.perplexity.compute()
            pl_module.publish("perplexity", float(value), f"of {self.perplexity.counts.shape[1]} codes", num)
