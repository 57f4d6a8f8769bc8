"""Free bits: a floor on the KL of each latent group."""

import lightning.pytorch as pl

from vaelab.model.vae import VAE
from vaelab.ranges import NonNegativeFloat, PositiveInt


class FreeBits(pl.Callback):
    """Writes KLControl's `free_nats`: the KL of a group costs nothing below that many nats.

    Kingma et al. 2016, arXiv:1606.04934, eq. 15. A group is `group_size` consecutive columns of the KL: 1 applies the
    floor to each latent dimension, the number of dimensions to their sum.

    Args:
        nats: floor of the batch mean of each group's KL, in nats, >= 0.
        group_size: columns per group.
    """

    def __init__(self, nats: NonNegativeFloat, group_size: PositiveInt) -> None:
        self.nats = nats
        self.group_size = group_size

    def setup(self, trainer: pl.Trainer, pl_module: VAE, stage: str) -> None:
        pl_module.control.claim("free_nats", self, pl_module.objective.supported_controls)
        pl_module.control.group_size = self.group_size

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: VAE, batch: object, batch_idx: int) -> None:
        pl_module.control.write("free_nats", self.nats)
        if pl_module.is_logged_step:
            pl_module.log("kl/free_nats", self.nats)
