"""Samples of one latent vector with their log-densities, and the terms of several."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent

from vaelab.distribution.operations import has_importance_weights, kl_per_dimension, rsample_and_log_prob
from vaelab.distribution.relative_normal import concatenate, unflatten_batch
from vaelab.errors import UserError
from vaelab.terms import Terms


class ScoredLatent(NamedTuple):
    """Samples of q(z), their log-densities under q and p, and KL(q || p), in nats."""

    z: Float[Tensor, "S B D"]
    log_pz: Float[Tensor, "S B"]
    log_qz: Float[Tensor, "S B"]
    kl: Float[Tensor, "B G"]
    posterior: Distribution
    prior: Distribution


def score_latent(posterior: Distribution, prior: Distribution, num_samples: int) -> ScoredLatent:
    """Draw S latents and score them. Without a closed form, the KL is the mean of log q(z) / p(z), with G = 1.

    Raises UserError for a posterior and a prior of different sizes.
    """
    if posterior.event_shape != prior.event_shape:
        raise UserError(
            f"the posterior is over latents of shape {list(posterior.event_shape)}, but the prior over "
            f"{list(prior.event_shape)}; set latent_dim, which both read, and not one of them alone"
        )
    z, log_qz = rsample_and_log_prob(posterior, torch.Size([num_samples]))
    log_pz = prior.log_prob(z)
    kl = kl_per_dimension(posterior, prior)
    kl = (log_qz - log_pz).mean(0).unsqueeze(1) if kl is None else kl
    return ScoredLatent(z, log_pz, log_qz, kl, posterior, prior)


def repeat_samples(rows: Float[Tensor, "B *shape"], num_samples: int) -> Float[Tensor, "N *shape"]:
    """Repeat all rows S times: sample s of example b is row s B + b."""
    return rows.expand(num_samples, *rows.shape).flatten(0, 1)


def split_samples(level: ScoredLatent, shape: torch.Size) -> ScoredLatent:
    """Split one sample of each of N = S B Gaussians into S samples of B examples; the KL is averaged over S."""
    z, log_pz, log_qz = (each.squeeze(0).unflatten(0, shape) for each in level[:3])
    kl = level.kl.unflatten(0, shape).mean(0)
    assert isinstance(level.posterior, Independent)
    assert isinstance(level.prior, Independent)
    return ScoredLatent(
        z, log_pz, log_qz, kl, unflatten_batch(level.posterior, shape), unflatten_batch(level.prior, shape)
    )


def collect_terms(levels: Sequence[ScoredLatent], log_px: Float[Tensor, "S B"], x: Float[Tensor, "B *event"]) -> Terms:
    """The terms of a hierarchy, the top level first: a column of the KL and a diagnostic for each level."""
    kl = torch.stack([level.kl.sum(1) for level in levels], 1)  # [B, L]
    return Terms(
        log_px=log_px,
        log_pz=torch.stack([level.log_pz for level in levels]).sum(0),
        log_qz=torch.stack([level.log_qz for level in levels]).sum(0),
        kl=kl,
        latents=tuple(level.z for level in levels),
        posterior=concatenate([level.posterior for level in levels]),
        prior=concatenate([level.prior for level in levels]),
        x=x,
        diagnostics={f"kl/level{number}": each for number, each in enumerate(kl.unbind(1), 1)},
        is_bound=all(has_importance_weights(level.posterior) for level in levels),
    )
