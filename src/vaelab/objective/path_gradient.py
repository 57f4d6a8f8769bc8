"""Gradients of the posterior through its samples only."""

import torch
from jaxtyping import Float
from torch import Tensor

from vaelab.errors import UserError
from vaelab.terms import Terms


def path_log_prob(terms: Terms) -> Float[Tensor, "S B"]:
    """log q(z|x) without the score, d log q(z|x) at a fixed z, in its gradient.

    The rest is the gradient through z          (Roeder et al. 2017, arXiv:1703.09194, eq. 7). The density is
    evaluated at given points, for which an inverse autoregressive flow needs D passes.
    """
    if len(terms.latents) != 1 or not terms.posterior.has_rsample:
        raise UserError(
            "the gradient follows the path through one reparameterized latent, but the model has "
            f"{len(terms.latents)} drawn from {type(terms.posterior).__name__}; set objective.gradient=reparameterized"
        )
    (z,) = terms.latents
    score = terms.posterior.log_prob(z.detach())
    return terms.posterior.log_prob(z) - (score - score.detach())


def doubly_reparameterize(
    z: Float[Tensor, "S B *D"], log_weight: Float[Tensor, "K MB"], elbo_share: float, weight: Float[Tensor, ""]
) -> None:
    """Scale the gradient of each sample, so that omitting the score is unbiased.

    With normalised weights v_s, the score enters the gradient of log 1/K sum_s w_s as v_s d log q. Its
    mean is that of v_s (1 - v_s) (d log w_s / dz) (dz / dphi), reparameterized a second time, so v_s becomes v_s^2
    (Tucker et al. 2019, arXiv:1810.04152, eq. 8). With a share c of the ELBO the factor v_s on the path is
    c/K + (1-c) v_s, and a control's `weight` on log q is also that of its score:

        c/K + (1-c) v_s  ->  c/K + (1-c) v_s - weight (1-c) v_s (1 - v_s)

    All other gradients, such as the decoder's, are unchanged.
    """
    if not z.requires_grad:
        return
    v = log_weight.detach().softmax(0)
    own = (1 - elbo_share) * v
    total = (elbo_share / len(v) + own).clamp_min(torch.finfo(v.dtype).tiny)
    factor = 1 - weight * (1 - v) * own / total
    z.register_hook(lambda gradient: gradient * factor.reshape(z.shape[:2] + (1,) * (z.dim() - 2)))
