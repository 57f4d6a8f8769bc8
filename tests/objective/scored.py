"""Terms of a small linear Gaussian model for given noise."""

import torch
from latent.known import known, source
from torch import Tensor
from torch.distributions import Independent, Normal

from vaelab.distribution.operations import kl_per_dimension
from vaelab.latent.single import Single
from vaelab.terms import Terms


def wrong(shift: Tensor | float = 0.7, widening: Tensor | float = 1.4) -> Single:
    """The linear Gaussian model with a posterior that is off by `shift` of its scales and too wide."""
    return known(source(), shift, widening)


def scored(latent: Single, x: Tensor, noise: Tensor) -> Terms:
    """What `latent` says of x at z = loc + scale * noise, noise [S, B, 2]."""
    posterior, prior = latent.infer(x, None), latent.prior(torch.empty(len(x), 0))
    z = posterior.mean + posterior.stddev * noise
    return Terms(
        log_px=latent.decode(z, None).log_prob(x),
        log_pz=prior.log_prob(z),
        log_qz=posterior.log_prob(z),
        kl=kl_per_dimension(posterior, prior),
        latents=(z,),
        posterior=posterior,
        prior=prior,
        x=x,
    )


def gaussian_terms(loc: Tensor, scale: Tensor) -> Terms:
    """Terms with one sample of each posterior N(loc, scale^2), both [B, D], and no x to speak of."""
    posterior = Independent(Normal(loc, scale), 1)
    prior = Independent(Normal(torch.zeros(loc.shape[1]), torch.ones(loc.shape[1])), 1)
    z = posterior.rsample(torch.Size([1]))
    nothing = torch.zeros(1, len(loc))
    kl = kl_per_dimension(posterior, prior)
    return Terms(nothing, prior.log_prob(z), posterior.log_prob(z), kl, (z,), posterior, prior, loc[:, :1])
