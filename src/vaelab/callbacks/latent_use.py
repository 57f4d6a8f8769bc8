"""Use of the latents during training: active units, mutual information and codes."""

import lightning.pytorch as pl
from torch.distributions import Normal

from vaelab.distribution.operations import center, factorises
from vaelab.metric.moments import Moments
from vaelab.metric.mutual_information import MutualInformation
from vaelab.metric.perplexity import Perplexity
from vaelab.model.vae import VAE
from vaelab.ranges import NonNegativeFloat
from vaelab.terms import Batch, Terms


class LatentUse(pl.Callback):
    """Logs how much of the latents the validation split uses, from the terms of its bound: nothing is encoded twice.

    latent/active_units          dimensions d with Var_x(E_q[z_d | x]) > threshold, of models of one latent vector
                                 (Burda et al. 2016, arXiv:1509.00519, section 4.2)
    latent/mutual_information    of z and x in nats, of models of one latent vector with a diagonal Gaussian posterior;
                                 at most log(data.chunk) (see `MutualInformation`)
    latent/perplexity            effective number of codes in use, of models with a codebook
    latent/code_share            share of the codes that any example has

    Args:
        threshold: variance above which a dimension is active, >= 0.
    """

    def __init__(self, threshold: NonNegativeFloat) -> None:
        self.threshold = threshold
        self.restart()

    def restart(self) -> None:
        self.codes: Moments | None = None
        self.information: MutualInformation | None = None
        self.perplexity: Perplexity | None = None

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        self.restart()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: VAE,
        outputs: Terms,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        codebook = pl_module.latent.codebook
        if codebook is not None:
            if self.perplexity is None:
                self.perplexity = Perplexity(codebook.num_quantizers, codebook.num_codes).to(pl_module.device)
            self.perplexity.update(outputs.latents[1][0])
        elif pl_module.latent.is_single_vector:
            self.add_vector(outputs)

    def add_vector(self, terms: Terms) -> None:
        """Add the codes of one chunk, and their mutual information if the density of every z is cheap."""
        code, posterior = center(terms.posterior), terms.posterior
        if self.codes is None:
            self.codes = Moments(["code"], code.shape[1:]).to(code.device)
        self.codes.update({"code": code})
        if factorises(posterior) and isinstance(posterior.base_dist, Normal):
            if self.information is None:
                self.information = MutualInformation().to(code.device)
            self.information.update(terms)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: VAE) -> None:
        if self.codes is not None:
            active = self.codes.compute().variance("code") > self.threshold
            pl_module.log("latent/active_units", active.sum().double())
        if self.information is not None:
            pl_module.log("latent/mutual_information", self.information.compute())
        if self.perplexity is not None:
            use = self.perplexity.compute()
            pl_module.log_dict({"latent/perplexity": use.perplexity, "latent/code_share": use.share})
