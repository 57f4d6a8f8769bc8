"""RAE-L2 as a choice of parts: an ELBO whose posterior is a point."""

import math
from collections.abc import Callable

import torch

from vaelab.model.vae import VAE
from vaelab.terms import Batch


def test_the_loss_is_the_papers_but_for_a_constant(model: Callable[..., VAE], batch: Batch) -> None:
    vae = model("model=rae", "objective.beta=0.3")
    z = vae.latent.encode(batch.x, None)
    distortion = -vae.latent.decode(z, None).log_prob(batch.x)
    constant = 0.3 * z.shape[1] / 2 * math.log(2 * math.pi)
    expected = (distortion + 0.3 * z.square().sum(1) / 2).mean() + constant
    torch.testing.assert_close(vae.loss_of(batch).total, expected)
    assert isinstance(vae.optimizer(vae.parameters()), torch.optim.AdamW)
